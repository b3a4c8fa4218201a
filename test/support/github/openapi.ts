/**
 * GitHub's OpenAPI description as a judge: each request, each answer and each webhook of the stand-in is held
 * to it.
 *
 * It is stricter than GitHub in one thing: a field or a parameter that is not described is refused too, since a
 * client that sends one has misspelt it. It is corrected in one thing, see `corrected`.
 */
import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
// @ts-expect-error -- plain JavaScript, since it runs before anything is installed
import { ensureGithubOpenapi } from '../../../scripts/setup/github-openapi.mjs';

type Schema = Record<string, unknown>;

interface Described {
  operations: {
    name: string;
    parameters: { name: string; in: 'path' | 'query' | 'header'; required: boolean; schema: Schema }[];
    body: { required: boolean; schema: Schema } | null;
    answers: Record<string, Schema | null>;
  }[];
  webhooks: { name: string; schema: Schema }[];
  schemas: Record<string, Schema & { properties?: Record<string, Schema> }>;
}

export interface Operation {
  /** `GET /repos/{owner}/{repo}`, as the description spells it. */
  name: string;
  checkParameters: ValidateFunction;
  /** Null: it takes none. */
  checkBody: ValidateFunction | null;
  bodyRequired: boolean;
  answers: Map<string, ValidateFunction | null>;
}

export interface Description {
  /** The operation that a request is for, with the values of its path. */
  find(method: string, path: string): { operation: Operation; path: Record<string, string> } | null;
  /** Why this answer is none that the operation may give; null: it is. */
  answerProblem(operation: Operation, status: number, body: unknown): string | null;
  /** `action` is the payload's, where the event has one. */
  webhookProblem(event: string, payload: Record<string, unknown>): string | null;
}

/** What any operation may answer, listed or not; all of these have the same small shape. */
const GENERAL_ERRORS = new Set([
  301, 307, 400, 401, 403, 404, 405, 406, 409, 410, 422, 429, 500, 502, 503, 504,
]);

let loading: Promise<Description> | undefined;

/** Read once per process. Fetches the description where that was not done before. */
export function loadDescription(): Promise<Description> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Description> {
  const step = (await (ensureGithubOpenapi as () => Promise<unknown>)()) as
    { ok: true; path: string } | { ok: false; reason: string };
  if (!step.ok) throw new Error(step.reason);
  return describe(corrected(JSON.parse(readFileSync(step.path, 'utf8')) as Described));
}

/** A pull request outlives the fork that it came from; the description forgets that. */
function corrected(described: Described): Described {
  for (const name of ['pull-request', 'pull-request-simple']) {
    const head = described.schemas[name]?.properties?.['head'] as { properties: Record<string, Schema> };
    const { repo, user } = head.properties;
    head.properties['repo'] = { anyOf: [repo, { type: 'null' }] };
    head.properties['user'] = { anyOf: [user, { type: 'null' }] };
  }
  return described;
}

function describe(described: Described): Description {
  const ajv = new Ajv({ strict: false, allErrors: true, coerceTypes: false, inlineRefs: false });
  // Parameters are text on the wire.
  const coercing = new Ajv({ strict: false, allErrors: true, coerceTypes: true });
  for (const one of [ajv, coercing]) {
    formats.default(one);
    for (const format of ['repo.nwo', 'timestamp']) one.addFormat(format, true);
    one.addSchema({ $id: 'github', schemas: described.schemas });
  }
  const generalError = ajv.compile({ $ref: 'github#/schemas/basic-error', required: ['message'] });

  // Compiled with the first use: a test needs a handful of them.
  const operations = described.operations.map((one) => ({
    pattern: patternOf(one.name),
    operation: lazily((): Operation => ({
      name: one.name,
      checkParameters: coercing.compile({
        type: 'object',
        properties: Object.fromEntries(one.parameters.map(({ name, schema }) => [name, schema])),
        required: one.parameters.filter(({ required }) => required).map(({ name }) => name),
        additionalProperties: false,
      }),
      checkBody: one.body && ajv.compile(closed(one.body.schema)),
      bodyRequired: one.body?.required ?? false,
      answers: new Map(
        Object.entries(one.answers).map(([status, schema]) => [status, schema && ajv.compile(schema)]),
      ),
    })),
  }));
  const webhooks = new Map(
    described.webhooks.map(({ name, schema }) => [name, lazily(() => ajv.compile(schema))]),
  );

  return {
    find(method, path) {
      for (const { pattern, operation } of operations) {
        const match = pattern.exec(`${method} ${path}`);
        if (!match) continue;
        const values = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decode(value)]);
        return { operation: operation(), path: Object.fromEntries(values) as Record<string, string> };
      }
      return null;
    },
    answerProblem(operation, status, body) {
      const listed = operation.answers.get(String(status));
      if (status === 304) return null;
      if (listed === undefined) {
        if (!GENERAL_ERRORS.has(status)) return `${operation.name} does not answer with ${status}`;
        return generalError(body) ? null : words(generalError, `${status}`);
      }
      if (listed === null) return null;
      return listed(body) ? null : words(listed, `${status}`);
    },
    webhookProblem(event, payload) {
      const action = typeof payload['action'] === 'string' ? `.${payload['action']}` : '';
      const check = webhooks.get(`${event}${action}`.replace(/[._]/g, '-'));
      if (!check) return `GitHub has no webhook ${event}${action}`;
      return check()(payload) ? null : words(check(), event);
    },
  };
}

/** The last value of a path may have slashes: a branch, a ref. */
function patternOf(name: string): RegExp {
  const several = new Set(['branch', 'ref']);
  const source = name
    .replace(/[.]/g, '\\.')
    .replace(/\{(\w+)\}/g, (_, key: string) => `(?<${key}>${several.has(key) ? '.+' : '[^/]+'})`);
  return new RegExp(`^${source}$`);
}

function decode(value: string | undefined): string {
  try {
    return decodeURIComponent(value ?? '');
  } catch {
    return value ?? '';
  }
}

function closed(schema: Schema): Schema {
  return schema['type'] === 'object' && !('additionalProperties' in schema)
    ? { ...schema, additionalProperties: false }
    : schema;
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const SHOWN_ERRORS = 5;

/** What is wrong, without the values: they may be tokens. */
export function words(check: ValidateFunction, where: string): string {
  const errors = (check.errors ?? []).filter(
    (error) => error.keyword !== 'anyOf' && error.keyword !== 'oneOf',
  );
  const shown = (errors.length > 0 ? errors : (check.errors ?? [])).slice(0, SHOWN_ERRORS);
  return `${where}: ${shown.map(one).join('; ')}`;
}

function one(error: ErrorObject): string {
  const extra = (error.params as { additionalProperty?: string }).additionalProperty;
  return `${error.instancePath || '/'} ${error.message ?? error.keyword}${extra ? ` (${extra})` : ''}`;
}
