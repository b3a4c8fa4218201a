/** The repository's template for pull requests, read from the trusted repository at the commit of the turn. */
import { PULL_TEMPLATE_BYTES } from '../../protocol/limits.ts';
import { templateOf, type PullRequestTemplate } from '../agent/pull-request-template.ts';
import { templateFiles } from '../repos/pull-template-file.ts';
import type { Repos } from '../repos/repos.ts';

/** Null where there is none, or none that can be read: a proposal without a template is one, too. */
export async function findTemplate(
  repos: Pick<Repos, 'listTree' | 'readFile'>,
  at: { repoId: string; sha: string },
): Promise<PullRequestTemplate | null> {
  const [path] = await templateFiles(repos, at);
  if (path === undefined) return null;
  const bytes = await repos.readFile(at.repoId, at.sha, path, PULL_TEMPLATE_BYTES).catch(() => null);
  return bytes === null ? null : templateOf(path, bytes);
}
