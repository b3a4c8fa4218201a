/** Where a repository keeps its template for pull requests; its name in any case. */
import type { ForgeKind } from '../../protocol/forge.ts';
import { TEMPLATE_PLACES } from '../../protocol/pull-text.ts';
import type { Repos } from './repos.ts';

/** Their paths, the first one first; of all forges, or of this kind. */
export async function templateFiles(
  repos: Pick<Repos, 'listTree'>,
  { repoId, sha }: { repoId: string; sha: string },
  kind?: ForgeKind,
): Promise<string[]> {
  const places = TEMPLATE_PLACES.filter((place) => kind === undefined || place.kind === kind);
  const found = await Promise.all(
    places.map(async ({ folder, name }) => {
      const names = await repos.listTree(repoId, sha, folder).catch(() => []);
      const file = names.filter((one) => name.test(one)).sort()[0];
      return file === undefined ? [] : [folder === '' ? file : `${folder}/${file}`];
    }),
  );
  return found.flat();
}
