/** What each method does: from a checked request to the heart and back. Typed so that none can be missing. */
import {
  checkEnvironment as checkedEnvironment,
  DEFAULT_ENVIRONMENT_NAME,
} from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import { FORGE_METHODS } from '../../protocol/forge-rpc.ts';
import { PATHS } from '../../protocol/http.ts';
import {
  OLDEST_PROTOCOL_VERSION,
  PROTOCOL_VERSION,
  type Handlers,
  type ParamsOf,
  type RepoAtCommit,
} from '../../protocol/rpc.ts';
import { headOf } from '../tasks/events.ts';
import type { Sink } from '../tasks/hub.ts';
import { isUntrusted } from '../tasks/trigger.ts';
import type { Who } from './auth.ts';
import type { ForgeRoom, GatewayDeps } from './deps.ts';

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
  const { tasks, hub, store, repos, environments, egressLog } = deps;
  /** A task whose environment is gone has no policy to run under. */
  const checkEnvironment = async (name: string | undefined) => {
    if (name !== undefined) await environments.get(name);
  };
  /** The model that this is to run with is here: what was asked for, else the environment's. */
  const checkModel = async (asked: string | undefined, environment = DEFAULT_ENVIRONMENT_NAME) =>
    deps.checkModel?.(asked ?? (await environments.get(environment)).model ?? null);
  const checkEnvironmentOf = async (taskId: string) =>
    checkEnvironment((await tasks.summary(taskId)).environment);
  /**
   * The repository at commits that are here. One of the default branch that is not here is left out: the
   * task does without it. Throws `CodexError` repoUnknown, commitMissing.
   */
  const checkRepo = async ({ defaultSha, ...repo }: RepoAtCommit): Promise<RepoAtCommit> => {
    const { repoId, sha, headSha } = repo;
    if (!(await repos.has(repoId))) throw new CodexError('repoUnknown', { repoId });
    for (const commit of [sha, headSha]) {
      if (commit !== undefined && !(await repos.hasCommit(repoId, commit))) {
        throw new CodexError('commitMissing', { sha: commit });
      }
    }
    const known = defaultSha !== undefined && (await repos.hasCommit(repoId, defaultSha));
    return known ? { ...repo, defaultSha } : repo;
  };
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
      await checkEnvironment(request.environment);
      await checkModel(request.model, request.environment);
      const repo = await checkRepo(request.repo);
      return { task: await tasks.create({ ...request, repo }, session.who.id) };
    },
    'task.get': async ({ taskId }) => ({ task: await tasks.get(taskId) }),
    async 'task.list'({ limit, archived, watch }, { sink }) {
      // Before the list is read, so that no change falls between the two.
      if (watch) hub.watch(sink);
      return { tasks: await tasks.list({ limit, archived }) };
    },
    'task.rename': async ({ taskId, title }) => ({ task: await tasks.rename(taskId, title) }),
    'task.cancel': async ({ taskId }) => ({ task: await tasks.cancel(taskId) }),
    async 'task.retry'({ taskId }) {
      await checkEnvironmentOf(taskId);
      return { task: await tasks.retry(taskId) };
    },
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
    async 'turn.create'(request, { session }) {
      const task = await tasks.summary(request.taskId);
      await checkEnvironment(task.environment);
      await checkModel(request.model ?? task.model, task.environment);
      return tasks.followUp(request, session.who.id);
    },
    'turn.steer': async (request, { session }) => ({ task: await tasks.steer(request, session.who.id) }),
    'attempt.choose': async ({ taskId, attempt }) => ({ task: await tasks.choose(taskId, attempt) }),

    async 'repo.resolve'({ sha, defaultSha, ...of }, { session }) {
      const repoId = await repos.resolve({ ...of, sha });
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
      return {
        repoId,
        pushPath: PATHS.git(repoId),
        hasCommit: await repos.hasCommit(repoId, sha),
        ...(defaultSha === undefined ? {} : { hasDefault: await repos.hasCommit(repoId, defaultSha) }),
      };
    },
    'environment.list': async () => ({ environments: await environments.list() }),
    'environment.get': async ({ name }) => ({ environment: await environments.get(name) }),
    async 'environment.put'({ environment }, { session }) {
      const { name, model } = checkedEnvironment(environment);
      if (model !== undefined) {
        const before = (await environments.list()).find((one) => one.name === name);
        // One that has gone from the backend meanwhile hinders no other change.
        if (model !== before?.model) await deps.checkModel?.(model);
      }
      return { environment: await environments.put(environment, session.who.id) };
    },
    async 'environment.delete'({ name }) {
      await environments.delete(name);
      await Promise.all([deps.vault.deleteAll(name), deps.prepared.reset(name)]);
      return {};
    },
    async 'environment.resetCache'({ name }) {
      await environments.get(name);
      return { removed: await deps.prepared.reset(name) };
    },
    async 'environment.test'({ requestId, name, repo }, { session }) {
      await checkEnvironment(name);
      const request: ParamsOf<'task.create'> = {
        requestId,
        prompt: `Setup of ${name}`,
        // Nothing is to be delivered; no model is asked, so none need be configured either.
        mode: 'ask',
        repo: await checkRepo(repo),
        environment: name,
        attempts: 1,
      };
      return { task: await tasks.create(request, session.who.id, { onlySetup: true }) };
    },
    async 'environment.approveScript'({ repoId, hash }, { session }) {
      if (!(await repos.has(repoId))) throw new CodexError('repoUnknown', { repoId });
      await deps.scripts.approve(repoId, hash, session.who.id);
      return {};
    },
    'secret.put': async ({ environment, name, value }, { session }) => ({
      secret: await deps.vault.put(environment, name, value, session.who.id),
    }),
    async 'secret.delete'({ environment, name }) {
      await deps.vault.delete(environment, name);
      return {};
    },
    'secret.list': async ({ environment }) => ({ secrets: await deps.vault.list(environment) }),
    'secret.rotate': () => deps.vault.rotate(),
    async 'approval.answer'({ taskId, approvalId, answer }, { session }) {
      await deps.approvals.answer(taskId, approvalId, answer, session.who.id);
      return {};
    },
    'approval.list': async ({ taskId }) => ({ approvals: await deps.approvals.open(taskId) }),
    'terminal.open': async (request, { sink }) => ({ terminalId: await deps.terminals.open(request, sink) }),
    async 'terminal.write'({ terminalId, data }, { sink }) {
      await deps.terminals.write(terminalId, Buffer.from(data, 'base64'), sink);
      return {};
    },
    async 'terminal.resize'({ terminalId, columns, rows }, { sink }) {
      deps.terminals.resize(terminalId, columns, rows, sink);
      return {};
    },
    async 'terminal.close'({ terminalId }, { sink }) {
      deps.terminals.close(terminalId, sink);
      return {};
    },
    async 'policy.allow'({ taskId, domain }, { session }) {
      const { environment = null } = await tasks.summary(taskId);
      if (isUntrusted(await tasks.triggerOf(taskId))) throw new CodexError('taskUntrusted');
      return { environment: await environments.allow(environment, domain, session.who.id) };
    },
    async 'task.egress'({ taskId, after, limit }) {
      await tasks.summary(taskId);
      return egressLog.page(taskId, after, limit);
    },
    ...forgeHandlers(deps.forges),
    'model.list': ({ check }) => deps.models(check),
  };
}

/** They only need to know who asks. */
function forgeHandlers(room: ForgeRoom): Pick<Handlers<CallContext>, keyof ForgeRoom> {
  const bound = <M extends keyof ForgeRoom>(method: M): Handlers<CallContext>[M] =>
    ((params: ParamsOf<M>, { session }: CallContext) =>
      room[method](params, session.who.id)) as Handlers<CallContext>[M];
  const names = Object.keys(FORGE_METHODS) as (keyof ForgeRoom)[];
  return Object.fromEntries(names.map((name) => [name, bound(name)])) as Pick<
    Handlers<CallContext>,
    keyof ForgeRoom
  >;
}
