/** The command line of `codex-tasks pr`. */
import { nameProblemWords } from '../../client/words/index.ts';
import { branchNameProblem } from '../../protocol/branch-name.ts';
import { ATTEMPTS_MOST, PULL_TITLE_CHARS } from '../../protocol/limits.ts';
import { saidAction } from '../actions.ts';
import { OWN_BACKEND_HELP, type OwnBackendOptions } from '../backend.ts';
import { UsageError, wholeNumber } from '../usage.ts';

const ACTIONS = ['create', 'update', 'show'] as const;

export const PR_HELP = `codex-tasks pr create TASK [options]
codex-tasks pr update TASK [options]
codex-tasks pr show TASK [--json]

create pushes the result of a task to a branch of its own at the forge that its repository came from, and
makes a pull request of it. update adds the newest result to that branch, with one commit more. show asks how
it stands. The backend does it: connect the forge with codex-tasks forge, or in VS Code.

  --title TEXT       otherwise as the agent proposes it
  --body-file FILE   its text; - for standard input
  --draft            not ready for review
  --branch NAME      otherwise from the title; one that is taken gets a number
  --base NAME        the branch to ask into (default: the one that was checked out, else the default branch)
  --attempt N        of several, which one’s result (default: the chosen one)
  --include-local    also the local changes that the task began with, which no commit has
  --yes-delicate     also files that run by themselves or bring in other code: workflows, hooks, submodules.
                     Without it they are listed, and nothing is pushed
  --repo DIR         whose git knows who you are: the author (default: this folder)
  --json             print the pull request as JSON

${OWN_BACKEND_HELP}
Exit code: 0 done, 1 failed, 2 a mistake in the command line, 130 cancelled.
`;

export interface PrCommand {
  action: (typeof ACTIONS)[number];
  taskId: string;
  title: string | null;
  bodyFile: string | null;
  draft: boolean;
  branch: string | null;
  base: string | null;
  attempt: number | null;
  localChanges: 'include' | 'leaveOut';
  yesDelicate: boolean;
  repo: string;
  json: boolean;
  own: OwnBackendOptions;
}

/** Here, as what it is: the backend could only say that it did not understand. */
export function tooLong(what: string, text: string, most: number): void {
  if (text.length > most)
    throw new UsageError(`${what}: a pull request takes at most ${most} characters of it.`);
}

const OPTIONS = {
  title: { type: 'string' },
  'body-file': { type: 'string' },
  draft: { type: 'boolean' },
  branch: { type: 'string' },
  base: { type: 'string' },
  attempt: { type: 'string' },
  'include-local': { type: 'boolean' },
  'yes-delicate': { type: 'boolean' },
  repo: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const OF_CREATE = ['create'] as const;
const OF_WRITING = ['create', 'update'] as const;
const ONLY = {
  ...{ draft: OF_CREATE, branch: OF_CREATE, base: OF_CREATE, attempt: OF_CREATE, 'include-local': OF_CREATE },
  ...{ title: OF_WRITING, 'body-file': OF_WRITING, 'yes-delicate': OF_WRITING, repo: OF_WRITING },
} as const;

/** Null: the help is wanted. */
export function prOptions(args: string[]): PrCommand | null {
  const said = saidAction('pr', args, ACTIONS, OPTIONS, ONLY);
  if (said === null) return null;
  const { action, values, own } = said;
  const [taskId, ...more] = said.rest;
  if (taskId === undefined || more.length > 0) throw new UsageError(`pr ${action} takes one task.`);
  if (values.title?.trim() === '') throw new UsageError('--title is empty.');
  tooLong('--title', values.title ?? '', PULL_TITLE_CHARS);
  for (const flag of ['branch', 'base'] as const) {
    const name = values[flag];
    const problem = name === undefined ? null : branchNameProblem(name);
    if (problem !== null) throw new UsageError(`--${flag}: ${nameProblemWords(problem, name ?? '')}`);
  }
  return {
    ...{ action, taskId, title: values.title ?? null, bodyFile: values['body-file'] ?? null },
    ...{ draft: values.draft ?? false, branch: values.branch ?? null, base: values.base ?? null },
    attempt: values.attempt === undefined ? null : wholeNumber('--attempt', values.attempt, 1, ATTEMPTS_MOST),
    localChanges: values['include-local'] ? 'include' : 'leaveOut',
    yesDelicate: values['yes-delicate'] ?? false,
    repo: values.repo ?? '.',
    json: values.json ?? false,
    own,
  };
}
