/**
 * Puts a backend together from its parts: settings, model, sandbox, repositories, pipeline, gateway.
 * What a command line or an environment says has been read before; nothing here reads either, but for
 * the settings of the data folder.
 *
 * The kind of sandbox is decided once, here, and never replaced by a weaker one: without Docker a task
 * waits for Docker, unless a person chose the local sandbox, or the model is scripted and can ask for
 * nothing that is not in its script.
 */
import { randomBytes } from 'node:crypto';
import { CodexError } from '../protocol/errors.ts';
import type { ResultOf } from '../protocol/rpc.ts';
import { startBackend } from './backend.ts';
import { readSettings, wrongInConfig, type Settings } from './config.ts';
import { openInternetProxy } from './internet.ts';
import { forgeVariables, ownersForges } from './forge-config.ts';
import { HiddenValues } from './hidden.ts';
import { makeLog } from './log.ts';
import { createModelClient } from './model/client.ts';
import type { ModelConnection } from './model/connections.ts';
import { openModels, type Models } from './model/directory.ts';
import type { ModelSettings } from './model/model.ts';
import { DEMO_SCRIPT } from './model/scripted/scripts/demo.ts';
import { SCRIPTED_MODEL_NAME, startScriptedModel } from './model/scripted/server.ts';
import { connectionsOf, keyVariables, withDefaultConnection, type ModelsConfig } from './models-config.ts';
import { createRunTurn } from './pipeline/index.ts';
import { keepSwept } from './pipeline/sweep.ts';
import { openRepos } from './repos/store.ts';
import { createDriver } from './sandbox/index.ts';
import type { SandboxDriver, SandboxHealth, SandboxKind } from './sandbox/sandbox.ts';
import { KEYS_VARIABLE } from './secrets/keys/index.ts';

export type ModelChoice =
  | { kind: 'real'; settings: ModelSettings }
  /** `script`: YAML; null for the one of the demo. */
  | { kind: 'scripted'; script: string | null }
  /** Tasks are refused with what to do; everything else works. */
  | { kind: 'none' };

export interface StartOptions {
  host: string;
  port: number;
  dataDir: string;
  token: string;
  version: string;
  allowedHosts: readonly string[];
  behindProxy: boolean;
  /** Null: nobody chose. */
  sandbox: SandboxKind | null;
  model: ModelChoice;
  idleExitMs: number | null;
}

export interface Started {
  url: string;
  sandboxDetail: string;
  modelDetail: string;
  /** It was idle for as long as it may be. */
  idle: Promise<void>;
  stop(): Promise<void>;
}

/** An engine that was started or stopped meanwhile is noticed within this. */
const HEALTH_KEPT_MS = 10_000;

export async function start(options: StartOptions): Promise<Started> {
  const { dataDir } = options;
  const settings = await readSettings(dataDir);
  // No child of ours needs it.
  delete process.env[KEYS_VARIABLE];
  const hidden = new HiddenValues();
  const log = makeLog(settings.logLevel, (line) => void process.stderr.write(`${hidden.text(line)}\n`));
  const driver = await chooseDriver(options, settings);
  const health = await watchHealth(driver);
  const forges = await openOwnersForges(settings.forges, dataDir);
  const model = await openModel(options.model, settings.models, dataDir);
  const stopping = new AbortController();
  try {
    const repos = await openRepos({ dataDir, maxPushBytes: settings.limits.pushBytes });
    const proxy = await openInternetProxy({ dataDir, owner: settings.egress });
    const backend = await startBackend({
      config: {
        host: options.host,
        port: options.port,
        dataDir,
        token: options.token,
        version: options.version,
        limits: settings.limits,
        allowedHosts: [...settings.allowedHosts, ...options.allowedHosts],
        behindProxy: options.behindProxy,
        idleExitMs: options.idleExitMs,
        secretKeys: settings.secretKeys,
        ...(settings.publicUrl ? { publicUrl: settings.publicUrl } : {}),
        ...(settings.databaseUrl ? { databaseUrl: settings.databaseUrl } : {}),
      },
      repos,
      runTurn: createRunTurn({
        driver,
        repos,
        modelFor: model.clientFor,
        proxy,
        owner: { dataDir, fallbacks: settings.agentsFileFallbacks },
        log,
      }),
      sandbox: health.view,
      model: () => model.view,
      models: model.list,
      checkModel: async (name) => void (await model.clientFor(name)),
      checkTask: () => {
        if (!model.view.configured) throw new CodexError('modelNotConfigured');
      },
      ownersForges: forges,
      hidden,
      driver,
      onTaskDeleted: (taskId) => removeSandboxes(driver, taskId),
      onAttemptChosen: (taskId, chosen) => removeSandboxes(driver, taskId, chosen),
      log,
    });
    keepSwept(driver, backend, (line) => log.info(line), stopping.signal);
    return {
      url: backend.url,
      sandboxDetail: health.view().detail,
      modelDetail: model.detail,
      idle: backend.idle,
      async stop() {
        stopping.abort();
        await backend.close();
        await driver.close?.();
        await model.close();
      },
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}

async function chooseDriver(
  { sandbox, model, dataDir }: StartOptions,
  { sandboxRuntime, sandboxPool }: Pick<Settings, 'sandboxRuntime' | 'sandboxPool'>,
): Promise<SandboxDriver> {
  const runtime = sandboxRuntime === undefined ? {} : { runtime: sandboxRuntime };
  const of = { dataDir, pool: sandboxPool, ...runtime };
  if (sandbox !== null) return createDriver({ kind: sandbox, ...of });
  const docker = createDriver({ kind: 'docker', ...of });
  if (model.kind !== 'scripted' || (await docker.check()).ok) return docker;
  return createDriver({ kind: 'local', dataDir });
}

/** What a client is told of the sandbox: what was true a moment ago, asked anew now and then. */
async function watchHealth(
  driver: SandboxDriver,
): Promise<{ view: () => ResultOf<'server.hello'>['sandbox'] }> {
  let health: SandboxHealth = await driver.check();
  let at = Date.now();
  return {
    view: () => {
      if (Date.now() - at > HEALTH_KEPT_MS) {
        at = Date.now();
        driver.check().then(
          (newer) => (health = newer),
          () => undefined,
        );
      }
      return { kind: health.ok ? driver.kind : 'none', detail: health.detail };
    },
  };
}

async function removeSandboxes(driver: SandboxDriver, taskId: string, butOf?: number): Promise<void> {
  for (const ref of await driver.list()) {
    if (ref.taskId === taskId && ref.attempt !== butOf) await driver.remove(ref.name);
  }
}

interface OpenModel {
  view: ResultOf<'server.hello'>['model'];
  detail: string;
  list: Models['list'];
  clientFor: Models['clientFor'];
  close(): Promise<void>;
}

async function openModel(choice: ModelChoice, config: ModelsConfig, dataDir: string): Promise<OpenModel> {
  switch (choice.kind) {
    case 'none':
    case 'real': {
      const models = await openReal(choice.kind === 'real' ? choice.settings : null, config, dataDir);
      return {
        view: { name: models.default, configured: models.configured, scripted: false },
        detail: models.detail,
        list: models.list,
        clientFor: models.clientFor,
        close: async () => undefined,
      };
    }
    case 'scripted': {
      const apiKey = randomBytes(24).toString('base64url');
      const server = await startScriptedModel({ script: choice.script ?? DEMO_SCRIPT, apiKey });
      const client = createModelClient({ name: SCRIPTED_MODEL_NAME, apiKey, baseUrl: server.url });
      return {
        view: { name: SCRIPTED_MODEL_NAME, configured: true, scripted: true },
        detail: 'scripted: it plays a script over the real wire format',
        list: async () => ({ models: [{ name: SCRIPTED_MODEL_NAME }] }),
        // It plays for whatever is asked for.
        clientFor: async () => client,
        close: () => server.close(),
      };
    }
  }
}

function originOf(baseUrl: string): string {
  if (URL.canParse(baseUrl)) return new URL(baseUrl).origin;
  throw new CodexError('badRequest', { where: 'OPENAI_BASE_URL', reason: `“${baseUrl}” is no address.` });
}

/** What variables name, and the owner's connections. */
async function openReal(
  implicit: ModelSettings | null,
  config: ModelsConfig,
  dataDir: string,
): Promise<Models & { detail: string }> {
  // It came by standard input, or was taken out of the environment: the file may name it all the same.
  const env = { ...process.env, ...(implicit ? { OPENAI_API_KEY: implicit.apiKey } : {}) };
  const wrong = (place: string, reason: string) => wrongInConfig(dataDir, place, reason);
  const owners = await connectionsOf(config, { dataDir, env, wrong });
  // No child of ours needs them.
  for (const variable of keyVariables(config)) delete process.env[variable];
  const connections = withDefaultConnection(owners, config, implicit);
  const models = openModels(connections, {
    default: config.default,
    wrong: (reason) => wrong('models.default', reason),
  });
  return { ...models, detail: detailOf(models, connections, implicit) };
}

async function openOwnersForges(config: Settings['forges'], dataDir: string) {
  const wrong = (place: string, reason: string) => wrongInConfig(dataDir, place, reason);
  const forges = await ownersForges(config, { dataDir, env: process.env, wrong });
  // No child of ours needs them.
  for (const variable of forgeVariables(config)) delete process.env[variable];
  return forges;
}

function detailOf(
  { default: name }: Models,
  connections: readonly ModelConnection[],
  implicit: ModelSettings | null,
): string {
  const [only, ...others] = connections;
  if (!only) return 'none; set OPENAI_API_KEY, or models in config.yaml (docs/models.md)';
  const at = only.settings.baseUrl;
  if (others.length === 0 && implicit) return at ? `${name} at ${originOf(at)}` : name;
  const words = connections.map((one) =>
    one.missing === undefined ? one.name : `${one.name} (no key: ${one.missing} is not set)`,
  );
  return `${name}; connections: ${words.join(', ')}`;
}
