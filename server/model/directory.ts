/**
 * The models of this backend: finds the one that is asked for, keeps a client for each, and asks servers
 * which models they have where the owner has not listed them.
 *
 * A server is asked when somebody wants to know, not at the start, and a failure is no error: what it has
 * is then not known, and tried again later. Whatever a server answers, no key and no header of ours
 * leaves with an error.
 */
import { CodexError, type ErrorParams } from '../../protocol/errors.ts';
import { SECRET_LEAST_BYTES } from '../../protocol/limits.ts';
import type { ResultOf } from '../../protocol/rpc.ts';
import { checkModel, createModelClient } from './client.ts';
import {
  effortsOf,
  findModel,
  settingsOf,
  tableOf,
  type ModelConnection,
  type ModelEntry,
} from './connections.ts';
import type { ModelClient, ModelSettings } from './model.ts';
import { classify, failureError } from './retries.ts';
import { openApi } from './transport.ts';

export interface Models {
  /** What a task gets that asks for none; empty when there is none. */
  readonly default: string;
  /** One of them at least can be used. */
  readonly configured: boolean;
  /** The default one first. With `check` every connection is tried. */
  list: (check?: boolean) => Promise<ResultOf<'model.list'>>;
  /** Null: the default one. Throws `CodexError` modelUnknown, modelNotConfigured. */
  clientFor: (name: string | null) => Promise<ModelClient>;
}

export interface ModelsOptions {
  /** Absent: the first one that is listed. */
  default?: string | undefined;
  /** `wrong(reason)` is thrown when there is no such model, or none to begin with. */
  wrong: (reason: string) => Error;
  /** For tests. */
  namesOf?: (settings: ModelConnection['settings']) => Promise<string[]>;
}

/** What a server has changes when its owner adds something. */
const NAMES_KEPT_MS = 10 * 60_000;
/** One that did not answer, or does not have what is asked for, is asked again after this. */
const ASK_AGAIN_MS = 15_000;
const NAMES_TIMEOUT_MS = 5_000;
/** More is no list that anybody chooses from. */
const NAMES_MOST = 500;
const NAME_CHARS = 200;
/** Large providers list what is not for text beside what is. */
const NOT_FOR_TEXT =
  /embed|whisper|(^|[-_/])tts|dall-e|moderation|transcribe|realtime|audio|image|sora|davinci|babbage|rerank/i;
/** Of models in an error's sentence. */
const NAMED_MOST = 20;

/** Throws what `wrong` makes when the default one can't be there. */
export function openModels(connections: readonly ModelConnection[], options: ModelsOptions): Models {
  const { namesOf = askNames } = options;
  const found = new Map<string, string[]>();
  const asked = new Map<string, { at: number; done: Promise<void> }>();
  const failed = new Map<string, CodexError>();
  const clients = new Map<string, ModelClient>();
  const standard = defaultOf(connections, options);

  /** Asks those whose answer is older than this, and returns when all have answered or failed. */
  async function learn(keptMs: number): Promise<void> {
    await Promise.all(
      connections.filter(canAsk).map(({ name, settings }) => {
        const last = asked.get(name);
        const maxMs = found.has(name) ? keptMs : ASK_AGAIN_MS;
        if (last && Date.now() - last.at < maxMs) return last.done;
        const done = namesOf(settings).then(
          (names) => {
            found.set(name, names);
            failed.delete(name);
          },
          (error: unknown) => {
            failed.set(name, withoutSecrets(error, settings));
          },
        );
        asked.set(name, { at: Date.now(), done });
        return done;
      }),
    );
  }

  async function entryOf(wanted: string | null): Promise<ModelEntry> {
    const name = wanted ?? standard;
    if (connections.length === 0) throw new CodexError('modelNotConfigured');
    // What is listed, or passes anyway, is found without a word to any server.
    const entry = findModel(name, connections, found);
    if (entry && (isKnown(entry) || found.has(entry.connection.name))) return entry;
    await learn(NAMES_KEPT_MS);
    if (findModel(name, connections, found) === null) await learn(ASK_AGAIN_MS);
    const now = findModel(name, connections, found);
    if (now) return now;
    throw new CodexError('modelUnknown', { name, models: namesInWords(tableOf(connections, found)) });
  }

  return {
    default: standard,
    configured: connections.some(({ missing }) => missing === undefined),

    async list(check = false) {
      await learn(check ? 0 : NAMES_KEPT_MS);
      const problems = check ? await problemsOf(connections) : new Map<string, CodexError>();
      const first = standard === '' ? null : findModel(standard, connections, found);
      const rest = tableOf(connections, found).filter((entry) => !isSame(entry, first));
      return {
        models: [...(first ? [{ ...first, id: standard }] : []), ...rest].map(viewOf),
        connections: connections.map((connection) => {
          const { name } = connection;
          const problem = missingKey(connection) ?? problems.get(name) ?? failed.get(name);
          return problem ? { name, problem: problem.wire } : { name };
        }),
      };
    },

    async clientFor(wanted) {
      const entry = await entryOf(wanted);
      const noKey = missingKey(entry.connection);
      if (noKey) throw noKey;
      const key = JSON.stringify([entry.connection.name, entry.model.name]);
      const client = clients.get(key) ?? discreetClient(settingsOf(entry));
      clients.set(key, client);
      return client;
    },
  };
}

const canAsk = ({ asksServer, missing }: ModelConnection) => asksServer && missing === undefined;
const isKnown = ({ connection, model }: ModelEntry) =>
  connection.takesAny || connection.models.includes(model);
const isSame = (one: ModelEntry, other: ModelEntry | null) =>
  one.connection === other?.connection && one.model.name === other.model.name;

function viewOf({ id, connection, model }: ModelEntry): ResultOf<'model.list'>['models'][number] {
  const efforts = effortsOf(model);
  return {
    name: id,
    connection: connection.name,
    ...(efforts ? { efforts: [...efforts] } : {}),
    ...(model.windowTokens === undefined ? {} : { windowTokens: model.windowTokens }),
  };
}

function namesInWords(table: readonly ModelEntry[]): string {
  const names = table.map(({ id }) => id);
  return names.length > NAMED_MOST ? `${names.slice(0, NAMED_MOST).join(', ')}, …` : names.join(', ');
}

function missingKey({ name, missing }: ModelConnection): CodexError | null {
  return missing === undefined
    ? null
    : new CodexError('modelNotConfigured', { connection: name, variable: missing });
}

/** What can be known of it without asking anybody. */
function defaultOf(connections: readonly ModelConnection[], { default: name, wrong }: ModelsOptions): string {
  if (connections.length === 0) return '';
  const table = tableOf(connections, new Map());
  if (name === undefined) {
    const own = connections.find(({ takesAny }) => takesAny) ?? connections.find(({ models }) => models[0]);
    const first = own?.models[0]?.name;
    if (first === undefined)
      throw wrong('say which model a task gets that asks for none: no connection lists one');
    return table.find(({ connection, model }) => connection === own && model.name === first)?.id ?? first;
  }
  const mayBe = findModel(name, connections, new Map()) !== null;
  if (mayBe || connections.some(({ asksServer }) => asksServer)) return name;
  throw wrong(`there is no model “${name}”; there are ${namesInWords(table)}`);
}

async function problemsOf(connections: readonly ModelConnection[]): Promise<Map<string, CodexError>> {
  const problems = new Map<string, CodexError>();
  await Promise.all(
    connections
      .filter(({ missing }) => missing === undefined)
      .map(async ({ name, settings, models }) => {
        const checked = await checkConnection({ ...settings, name: models[0]?.name ?? '' });
        if (checked !== null) problems.set(name, checked);
      }),
  );
  return problems;
}

/** Whether its server answers and takes the key: null when it does. */
export async function checkConnection(settings: ModelSettings): Promise<CodexError | null> {
  const checked = await checkModel(settings);
  return checked.ok ? null : withoutSecrets(checked.error, settings);
}

async function askNames(settings: ModelConnection['settings']): Promise<string[]> {
  try {
    const list = await openApi({ ...settings, name: '' }).models.list({ timeout: NAMES_TIMEOUT_MS });
    return list.data
      .map(({ id }) => id as unknown)
      .filter((id): id is string => typeof id === 'string' && isModelName(id))
      .slice(0, NAMES_MOST);
  } catch (thrown) {
    throw failureError(classify(thrown, Date.now()), settings.apiKey);
  }
}

function isModelName(id: string): boolean {
  return id.length > 0 && id.length <= NAME_CHARS && !/[\x00-\x20\x7f]/.test(id) && !NOT_FOR_TEXT.test(id);
}

/** What a server says back may quote what it was sent. */
function discreetClient(settings: ModelSettings): ModelClient {
  const client = createModelClient(settings);
  const respond = client.respond.bind(client);
  return Object.assign(client, {
    ...(settings.prices === undefined ? {} : { prices: settings.prices }),
    async respond(...of: Parameters<ModelClient['respond']>) {
      try {
        return await respond(...of);
      } catch (error) {
        throw error instanceof CodexError ? withoutSecrets(error, settings) : error;
      }
    },
  });
}

/** The key and each header's value, and the parts of one such as `Bearer …`. */
function secretsOf({ apiKey, headers = {} }: ModelConnection['settings']): string[] {
  const parts = Object.values(headers).flatMap((value) => [value, ...value.split(' ')]);
  return [apiKey, ...parts].filter((value) => value.length >= SECRET_LEAST_BYTES);
}

/** What is no error of ours says nothing but its kind. */
function withoutSecrets(thrown: unknown, settings: ModelConnection['settings']): CodexError {
  const error = thrown instanceof CodexError ? thrown : new CodexError('modelUnavailable');
  const secrets = secretsOf(settings).sort((a, b) => b.length - a.length);
  const params: ErrorParams = {};
  for (const [name, value] of Object.entries(error.wire.params))
    params[name] =
      typeof value === 'string' ? secrets.reduce((text, one) => text.replaceAll(one, '…'), value) : value;
  return new CodexError(error.code, params);
}
