/** What the HTTP routes hand out: a result's patch as bytes, a turn's log as text, a task's egress log. */
import { CodexError } from '../../protocol/errors.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { EgressLog } from '../environments/egress-log.ts';
import type { Repos } from '../repos/repos.ts';
import type { Store } from '../store/store.ts';
import { readEvents } from '../tasks/events.ts';
import { loadPatch, resultSha } from '../tasks/patches.ts';
import type { Tasks } from '../tasks/tasks.ts';
import type { Downloads } from './http.ts';
import { logText } from './log-text.ts';

const LOG_PAGE_EVENTS = 200;
const EGRESS_PAGE_ENTRIES = 500;

export function createDownloads(deps: {
  tasks: Tasks;
  store: Store;
  repos: Repos;
  egressLog: EgressLog;
  limits: LimitValues;
}): Downloads {
  const { tasks, store, repos, limits, egressLog } = deps;
  /** The two commits between which a patch is; throws notFound when there is no such result. */
  const sides = async (key: { taskId: string; turn: number; attempt: number }, from: number | null) => {
    const { repo } = await tasks.summary(key.taskId);
    const before = from === null ? repo.sha : await store.read((db) => resultSha(db, { ...key, turn: from }));
    return { repoId: repo.repoId, before, after: await store.read((db) => resultSha(db, key)) };
  };
  return {
    async patch(taskId, turn, attempt, from) {
      const key = { taskId, turn, attempt };
      if (from === null) return store.read((db) => loadPatch(db, key));
      const { repoId, before, after } = await sides(key, from);
      return (await repos.patch(repoId, before, after, limits.patchBytes)).bytes;
    },
    async file(taskId, turn, attempt, from, oid) {
      const { repoId, before, after } = await sides({ taskId, turn, attempt }, from);
      const bytes = await repos.changedFile(repoId, before, after, oid, limits.patchBytes);
      if (bytes === null) throw new CodexError('notFound', { what: 'file' });
      return bytes;
    },
    async log(taskId, turn, attempt) {
      const { lastSeq } = await tasks.summary(taskId);
      return logOf(store, { taskId, turn, attempt }, lastSeq);
    },
    async egress(taskId) {
      await tasks.summary(taskId);
      return egressLines(egressLog, taskId);
    },
  };
}

/** Up to `head`: the log of a turn that runs must end, too. */
async function* logOf(
  store: Store,
  of: { taskId: string; turn: number; attempt: number },
  head: number,
): AsyncGenerator<string> {
  for (let after = 0; after < head;) {
    const page = await store.read((db) => readEvents(db, of.taskId, after, LOG_PAGE_EVENTS));
    const last = page.at(-1);
    if (!last) return;
    after = last.seq;
    const text = page
      .filter((event) => event.turn === of.turn && (event.attempt === of.attempt || event.attempt === 0))
      .map(logText)
      .join('');
    if (text !== '') yield text;
  }
}

/** Page by page, each read when the one before was taken. It ends: a task's log is bounded. */
async function* egressLines(egressLog: EgressLog, taskId: string): AsyncGenerator<string> {
  for (let after = 0, more = true; more;) {
    const page = await egressLog.page(taskId, after, EGRESS_PAGE_ENTRIES);
    if (page.entries.length > 0) yield page.entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    more = page.more;
    after = page.entries.at(-1)?.id ?? after;
  }
}
