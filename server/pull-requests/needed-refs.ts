/** Which refs of the repositories are still needed, as the tasks say. */
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { Needed } from '../repos/repos.ts';
import type { Store } from '../store/store.ts';

/** Placeholders of one query. */
const IDS = 500;

/** Tasks that are there, of whichever backend on this database, and the commits that they began at. */
export function neededRefs(store: Store): Needed {
  return {
    async tasks(taskIds) {
      const found = new Set<string>();
      for (let at = 0; at < taskIds.length; at += IDS) {
        const some = taskIds.slice(at, at + IDS);
        const rows = await store.read((db) =>
          db.selectFrom('tasks').select('id').where('id', 'in', some).execute(),
        );
        for (const { id } of rows) found.add(id);
      }
      return found;
    },
    async commits(repoId) {
      const rows = await store.read((db) =>
        db.selectFrom('tasks').select('repo').where('repo_id', '=', repoId).execute(),
      );
      const named = rows.flatMap(({ repo }) => {
        const { sha, headSha, defaultSha } = JSON.parse(repo) as RepoAtCommit;
        return [sha, headSha, defaultSha];
      });
      return new Set(named.filter((sha) => sha !== undefined));
    },
  };
}
