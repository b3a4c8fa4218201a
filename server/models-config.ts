/**
 * The owner's model connections, from `models` in `config.yaml`: where requests go, with which key and
 * headers, and which models there are. No client and no environment can set any of it; they name a model.
 *
 * A key never stands in the file: it is in a variable, or in a file that only the owner can read. What is
 * wrong is an error with its place before anything starts, and never repeats a value. A variable that is
 * not set makes its connection unusable and no other: it depends on who started the backend.
 */
import { z } from 'zod';
import { Effort, ModelName } from '../protocol/states.ts';
import { HEADER_VALUE, KEY_PLACE, Place, placesVariables, valueAt, type KeySources } from './key-places.ts';
import { DEFAULT_CONNECTION, type ListedModel, type ModelConnection } from './model/connections.ts';
import type { ModelSettings } from './model/model.ts';
import type { ModelPrices } from './model/prices.ts';

const Key = z.union([z.literal('none'), Place], {
  error: ({ input }) =>
    input === undefined
      ? `is missing: ${KEY_PLACE}, or none for a server that wants no key`
      : `a key never stands in this file: ${KEY_PLACE}, or none for a server that wants no key`,
});

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
/** Of the request itself: with another value it would be another request. */
const OWN_HEADERS =
  /^(host|connection|content-.*|accept.*|transfer-encoding|te|trailer|upgrade|expect|sec-.*)$/i;
const SECRET_HEADERS = /auth|key|token|secret|cookie|password|credential/i;

const HeaderValue = z.union([z.string().regex(HEADER_VALUE, 'is text of one line'), Place], {
  error: () => `is text of one line, or ${KEY_PLACE}`,
});
const Headers = z.record(z.string(), HeaderValue).superRefine((headers, context) => {
  for (const [name, value] of Object.entries(headers)) {
    const wrong = (message: string) => context.addIssue({ code: 'custom', path: [name], message });
    if (!HEADER_NAME.test(name)) wrong('is no name of a header');
    else if (OWN_HEADERS.test(name)) wrong('is set by Codex itself');
    else if (typeof value === 'string' && SECRET_HEADERS.test(name))
      wrong(`a key never stands in this file: ${KEY_PLACE}`);
  }
});

const Price = z.number().min(0);
const Model = z.preprocess(
  (value) => (typeof value === 'string' ? { name: value } : value),
  z.strictObject({
    name: ModelName,
    windowTokens: z.number().int().min(1_000).optional(),
    prices: z
      .strictObject({
        inputPerMillion: Price,
        cachedInputPerMillion: Price.optional(),
        outputPerMillion: Price,
      })
      .optional(),
    effort: Effort.optional(),
    efforts: z.array(Effort).optional(),
  }),
);

const ModelList = z
  .array(Model)
  .min(1, 'is empty: leave it out, and the server is asked')
  .superRefine((models, context) => {
    models.forEach(({ name }, at) => {
      if (models.findIndex((other) => other.name === name) < at)
        context.addIssue({ code: 'custom', path: [at], message: `“${name}” is there twice` });
    });
  });

/** Goes into a header of its own. */
const Identifier = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'is printable text without spaces');

const Address = z.string().superRefine((text, context) => {
  const problem = addressProblem(text);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const Connection = z.strictObject({
  baseUrl: Address.optional(),
  key: Key,
  organization: Identifier.optional(),
  project: Identifier.optional(),
  headers: Headers.optional(),
  wire: z.enum(['responses', 'chat']).optional(),
  transport: z.enum(['auto', 'sse', 'webSocket']).optional(),
  models: ModelList.optional(),
});

const CONNECTION_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

export const ModelsConfig = z.strictObject({
  /** What a task gets that asks for none. */
  default: ModelName.optional(),
  connections: z
    .record(z.string(), Connection)
    .superRefine((connections, context) => {
      for (const name of Object.keys(connections)) {
        const wrong = (message: string) => context.addIssue({ code: 'custom', path: [name], message });
        if (!CONNECTION_NAME.test(name))
          wrong('is no name: letters, digits, dots, dashes and underlines, at most 63');
        if (name === DEFAULT_CONNECTION)
          wrong('is the name of what OPENAI_API_KEY makes: choose another one');
      }
    })
    .default({}),
});
export type ModelsConfig = z.infer<typeof ModelsConfig>;

/** Never repeats it: it may hold a password. */
function addressProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    return 'write an address such as https://llm.example/v1';
  if (url.username !== '' || url.password !== '')
    return 'a name and a password never stand in an address: take key or headers';
  if (url.search !== '' || url.hash !== '') return 'an address ends before ? and #';
  return null;
}

/** The variables that hold keys and headers: no child of the backend needs them. */
export function keyVariables({ connections }: ModelsConfig): string[] {
  const places = Object.values(connections).flatMap(({ key, headers = {} }) => [
    key,
    ...Object.values(headers),
  ]);
  return placesVariables(places);
}

/** In the file's order, each with its key and headers. */
export async function connectionsOf(config: ModelsConfig, sources: KeySources): Promise<ModelConnection[]> {
  const connections: ModelConnection[] = [];
  for (const [name, { key, headers = {}, models, ...settings }] of Object.entries(config.connections)) {
    const place = `models.connections.${name}`;
    const read: Record<string, string> = {};
    let missing: string | undefined;
    const valueOf = async (of: Place, at: string): Promise<string> => {
      const value = await valueAt(of, `${place}.${at}`, sources);
      if (value === null && 'env' in of) missing ??= of.env;
      return value ?? '';
    };
    const apiKey = key === 'none' ? '' : await valueOf(key, 'key');
    for (const [header, value] of Object.entries(headers))
      read[header] = typeof value === 'string' ? value : await valueOf(value, `headers.${header}`);
    connections.push({
      name,
      settings: defined({
        ...settings,
        apiKey,
        headers: Object.keys(read).length > 0 ? read : undefined,
      }),
      ...(missing === undefined ? {} : { missing }),
      models: (models ?? []).map(listed),
      asksServer: models === undefined,
      takesAny: false,
    });
  }
  return connections;
}

/**
 * The connection that variables make, beside the file's or alone. Alone it is as it was before there were
 * others: any name goes to it. A key that the file gives to a connection of its own is not there twice.
 */
export function withDefaultConnection(
  connections: readonly ModelConnection[],
  config: ModelsConfig,
  implicit: ModelSettings | null,
): ModelConnection[] {
  if (!implicit || keyVariables(config).includes('OPENAI_API_KEY')) return [...connections];
  const { name, ...settings } = implicit;
  const isAlone = connections.length === 0;
  const own: ModelConnection = {
    name: DEFAULT_CONNECTION,
    settings,
    models: [{ name }],
    asksServer: isAlone,
    takesAny: true,
  };
  return [...connections, own];
}

/** Without the keys that are undefined. */
function defined<T extends object>(of: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as T;
}

function listed({ prices, ...model }: z.infer<typeof Model>): ListedModel {
  return defined<ListedModel>({ ...model, prices: prices && defined<ModelPrices>(prices) });
}
