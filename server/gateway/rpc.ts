/** What each method does: from a checked request to the heart and back. Typed so that none can be missing. */
import { CodexError } from '../../protocol/errors.ts';
import { PATHS } from '../../protocol/http.ts';
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, type Handlers } from '../../protocol/rpc.ts';
import { headOf } from '../tasks/events.ts';
import type { Sink } from '../tasks/hub.ts';
import type { Who } from './auth.ts';
import type { GatewayDeps } from './deps.ts';

/** What a call knows of its connection. */
export interface CallContext {
  session: {
    who: Who;
    /** `server.hello` was answered. */
    greeted: boolean;
  };
  sink: Sink;
}

export function createHandlers(deps: GatewayDeps): Handlers<CallContext> {
  const { tasks, hub, store, repos } = deps;
  return {
    async 'server.hello'({ protocol }, { session }) {
      if (protocol < OLDEST_PROTOCOL_VERSION) {
        throw new CodexError('protocolTooOld', { yours: protocol, ours: PROTOCOL_VERSION });
      }
      if (protocol > PROTOCOL_VERSION) {
        throw new CodexError('protocolTooNew', { yours: protocol, ours: PROTOCOL_VERSION });
      }
      session.greeted = true;
      return { protocol: PROTOCOL_VERSION, ...deps.hello() };
    },

    async 'task.create'(request, { session }) {
      deps.checkTask?.(request);
      const { repoId, sha, headSha } = request.repo;
      if (!(await repos.has(repoId))) throw new CodexError('repoUnknown', { repoId });
      for (const commit of [sha, headSha]) {
        if (commit !== undefined && !(await repos.hasCommit(repoId, commit))) {
          throw new CodexError('commitMissing', { sha: commit });
        }
      }
      return { task: await tasks.create(request, session.who.id) };
    },
    'task.get': async ({ taskId }) => ({ task: await tasks.get(taskId) }),
    async 'task.list'({ limit, archived, watch }, { sink }) {
      // Before the list is read, so that no change falls between the two.
      if (watch) hub.watch(sink);
      return { tasks: await tasks.list({ limit, archived }) };
    },
    'task.rename': async ({ taskId, title }) => ({ task: await tasks.rename(taskId, title) }),
    'task.cancel': async ({ taskId }) => ({ task: await tasks.cancel(taskId) }),
    'task.retry': async ({ taskId }) => ({ task: await tasks.retry(taskId) }),
    'task.archive': async ({ taskId, archived }) => ({ task: await tasks.archive(taskId, archived) }),
    async 'task.delete'({ taskId }) {
      await tasks.delete(taskId);
      return {};
    },
    'task.review': async ({ taskId, review }) => ({ task: await tasks.review(taskId, review) }),
    async 'task.subscribe'({ taskId, after }, { sink }) {
      const head = await store.read((db) => headOf(db, taskId));
      hub.subscribe(taskId, after, head, sink);
      return { head };
    },
    async 'task.unsubscribe'({ taskId }, { sink }) {
      hub.unsubscribe(taskId, sink);
      return {};
    },
    'turn.create': (request, { session }) => tasks.followUp(request, session.who.id),

    async 'repo.resolve'({ sha, ...of }, { session }) {
      const repoId = await repos.resolve(of);
      await store.write((tx) =>
        tx
          .insertInto('repos')
          .values({
            id: repoId,
            name: of.name,
            remote: of.remote,
            created_by: session.who.id,
            created_at: Date.now(),
          })
          .onConflict((on) => on.doNothing())
          .execute(),
      );
      return { repoId, pushPath: PATHS.git(repoId), hasCommit: await repos.hasCommit(repoId, sha) };
    },
    'model.list': async () => ({ models: deps.models() }),
  };
}
