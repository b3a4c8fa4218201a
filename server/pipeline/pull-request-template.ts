/** The repository's template for pull requests, read from the trusted repository at the commit of the turn. */
import { templateOf, type PullRequestTemplate } from '../agent/pull-request-template.ts';
import type { Repos } from '../repos/repos.ts';

/** Where forges look for it, in their order; its name in any case. */
const PLACES: readonly { folder: string; name: RegExp }[] = [
  { folder: '.github', name: /^pull_request_template\.(md|txt)$/i },
  { folder: '', name: /^pull_request_template\.(md|txt)$/i },
  { folder: 'docs', name: /^pull_request_template\.(md|txt)$/i },
  { folder: '.gitlab/merge_request_templates', name: /^default\.md$/i },
];

/** No forge takes a longer text of a pull request. */
const READ_BYTES = 64 * 1024;

/** Null where there is none, or none that can be read: a proposal without a template is one, too. */
export async function findTemplate(
  repos: Pick<Repos, 'listTree' | 'readFile'>,
  { repoId, sha }: { repoId: string; sha: string },
): Promise<PullRequestTemplate | null> {
  const found = await Promise.all(PLACES.map((place) => pathIn(repos, repoId, sha, place)));
  const path = found.find((one) => one !== null);
  if (path === undefined || path === null) return null;
  const bytes = await repos.readFile(repoId, sha, path, READ_BYTES).catch(() => null);
  return bytes === null ? null : templateOf(path, bytes);
}

async function pathIn(
  repos: Pick<Repos, 'listTree'>,
  repoId: string,
  sha: string,
  { folder, name }: (typeof PLACES)[number],
): Promise<string | null> {
  const names = await repos.listTree(repoId, sha, folder).catch(() => []);
  const found = names.sort().find((one) => name.test(one));
  return found === undefined ? null : folder === '' ? found : `${folder}/${found}`;
}
