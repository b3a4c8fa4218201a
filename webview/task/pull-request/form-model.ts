/**
 * The form of a pull request as data: what the preview proposes, with what the person typed over it. Only what was
 * touched is kept, so that a newer preview shows through everywhere else. Pure.
 */
import { nameProblemWords, type Translate } from '../../../client/words/index.ts';
import { branchNameProblem } from '../../../protocol/branch-name.ts';
import { PULL_BODY_CHARS, PULL_TITLE_CHARS } from '../../../protocol/limits.ts';
import type { PageParams } from '../../../protocol/pages.ts';
import type { PullRequestPreview } from '../../../protocol/pull-request.ts';

export interface PullRequestForm {
  title: string;
  body: string;
  branch: string;
  base: string;
  draft: boolean;
}

export const FIELDS = ['title', 'body', 'branch', 'base', 'draft'] as const;
type Field = (typeof FIELDS)[number];

function proposed(preview: PullRequestPreview): PullRequestForm {
  const { title, body, branch, base, draft } = preview;
  return { title, body, branch, base, draft };
}

export function formOf(preview: PullRequestPreview, kept: string): PullRequestForm {
  return { ...proposed(preview), ...readKept(kept) };
}

/** Empty when nothing was touched. */
export function keptText(form: PullRequestForm, preview: PullRequestPreview): string {
  const before = proposed(preview);
  const touched = FIELDS.filter((field) => form[field] !== before[field]);
  return touched.length === 0
    ? ''
    : JSON.stringify(Object.fromEntries(touched.map((field) => [field, form[field]])));
}

/** What another version of the page kept is taken over as far as it fits. */
function readKept(kept: string): Partial<PullRequestForm> {
  let found: unknown;
  try {
    found = JSON.parse(kept);
  } catch {
    return {};
  }
  if (typeof found !== 'object' || found === null) return {};
  const fits = ([name, value]: [string, unknown]) =>
    FIELDS.includes(name as Field) && typeof value === (name === 'draft' ? 'boolean' : 'string');
  return Object.fromEntries(Object.entries(found).filter(fits));
}

export type Problems = Partial<Record<'title' | 'body' | 'branch' | 'base' | 'confirmed', string>>;

export function problemsOf(
  form: PullRequestForm,
  { delicate }: Pick<PullRequestPreview, 'delicate'>,
  confirmed: boolean,
  update: boolean,
  t: Translate,
): Problems {
  const problems: Problems = {};
  if (delicate.length > 0 && !confirmed) problems.confirmed = t('Look at these files, then tick this.', {});
  if (update) return problems;
  if (form.title.trim() === '') problems.title = t('A title is missing.', {});
  else if (form.title.trim().length > PULL_TITLE_CHARS)
    problems.title = t('At most {count} characters.', { count: PULL_TITLE_CHARS });
  if (form.body.length > PULL_BODY_CHARS)
    problems.body = t('At most {count} characters.', { count: PULL_BODY_CHARS });
  for (const field of ['branch', 'base'] as const) {
    const name = form[field].trim();
    const problem = branchNameProblem(name);
    if (problem !== null) problems[field] = nameProblemWords(problem, name, t);
  }
  if (problems.branch === undefined && form.branch.trim() === form.base.trim())
    problems.branch = t('It needs a branch of its own.', {});
  return problems;
}

export function writtenOf(
  form: PullRequestForm,
  { delicateKey }: Pick<PullRequestPreview, 'delicateKey'>,
  confirmed: boolean,
): PageParams<'task.publishPullRequest'> {
  return {
    ...{ title: form.title.trim(), body: form.body, draft: form.draft },
    ...{ branch: form.branch.trim(), base: form.base.trim() },
    ...(confirmed && delicateKey !== undefined ? { confirmed: delicateKey } : {}),
  };
}
