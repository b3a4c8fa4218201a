/** A repository's own template for pull requests, as it is committed; read from the backend's own repository. */
import type { ForgeKind } from '../../protocol/forge.ts';
import { PULL_TEMPLATE_BYTES } from '../../protocol/limits.ts';
import { templateText } from '../../protocol/pull-text.ts';
import { templateFiles } from '../repos/pull-template-file.ts';
import type { Repos } from '../repos/repos.ts';

/** Null: there is none, or none that is a text of a usual size. */
export async function templateOf(
  repos: Pick<Repos, 'listTree' | 'readFile'>,
  at: { repoId: string; sha: string },
  kind: ForgeKind,
): Promise<string | null> {
  for (const path of await templateFiles(repos, at, kind)) {
    const bytes = await repos.readFile(at.repoId, at.sha, path, PULL_TEMPLATE_BYTES).catch(() => null);
    const text = bytes && templateText(bytes);
    if (text !== null) return text;
  }
  return null;
}
