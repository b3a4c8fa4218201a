/** A repository's own template for pull requests, as it is committed; read from the backend's own repository. */
import type { ForgeKind } from '../../protocol/forge.ts';
import { PULL_TEMPLATE_BYTES } from '../../protocol/limits.ts';
import type { Repos } from '../repos/repos.ts';

/** In the order in which a forge looks. */
const PLACES: Record<ForgeKind, { folders: readonly string[]; name: RegExp }> = {
  github: { folders: ['.github', '', 'docs'], name: /^pull_request_template(\.(md|markdown|txt))?$/i },
  gitlab: { folders: ['.gitlab/merge_request_templates'], name: /^default\.md$/i },
};

/** Null: there is none, or none that is a text of a usual size. */
export async function templateOf(
  repos: Pick<Repos, 'listTree' | 'readFile'>,
  at: { repoId: string; sha: string },
  kind: ForgeKind,
): Promise<string | null> {
  const { folders, name } = PLACES[kind];
  for (const folder of folders) {
    const found = (await repos.listTree(at.repoId, at.sha, folder))
      .filter((file) => name.test(file))
      .sort()[0];
    if (found === undefined) continue;
    const path = folder === '' ? found : `${folder}/${found}`;
    const bytes = await repos.readFile(at.repoId, at.sha, path, PULL_TEMPLATE_BYTES).catch(() => null);
    const text = bytes?.toString('utf8').replaceAll('\r\n', '\n').trim() ?? '';
    if (text !== '' && !text.includes('\0')) return text;
  }
  return null;
}
