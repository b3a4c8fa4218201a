/**
 * GitHub's own OpenAPI description, as the stand-in GitHub of the tests is held to it: once per version the
 * package `@octokit/openapi` is fetched (29 MB, which is why it is no dependency), and of its 13 MB file only
 * what the operations below refer to is kept, as plain JSON Schema.
 *
 * Runs at the same time don't disturb each other: everything is made under a name of its own, then renamed.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, lastLine, run, runAsScript } from './common.mjs';

export const GITHUB_OPENAPI_VERSION = '23.0.2';
const FILE = 'package/generated/api.github.com.json';
/** Counts up when what is made of the file changes. */
const FORM = 1;
/** Longer than any run takes. */
const LEFTOVER_MS = 60 * 60_000;

/** What the stand-in serves. */
export const GITHUB_OPERATIONS = [
  'GET /app',
  'POST /app-manifests/{code}/conversions',
  'POST /app/installations/{installation_id}/access_tokens',
  'GET /rate_limit',
  'GET /user',
  'GET /repos/{owner}/{repo}',
  'GET /repos/{owner}/{repo}/installation',
  'GET /repos/{owner}/{repo}/branches/{branch}',
  'GET /repos/{owner}/{repo}/git/ref/{ref}',
  'GET /repos/{owner}/{repo}/collaborators/{username}/permission',
  'GET /repos/{owner}/{repo}/commits/{ref}/check-runs',
  'GET /repos/{owner}/{repo}/commits/{ref}/status',
  'GET /repos/{owner}/{repo}/issues/{issue_number}',
  'GET /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}',
  'GET /repos/{owner}/{repo}/pulls',
  'POST /repos/{owner}/{repo}/pulls',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}',
  'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments',
];

/** What it delivers: the events whose names begin so. */
const WEBHOOKS = ['ping', 'push', 'pull-request', 'issue-comment', 'check-run'];

/** @returns {Promise<import('./common.mjs').Step>} `path` is the reduced description. */
export async function ensureGithubOpenapi(log = () => {}) {
  const key = createHash('sha256')
    .update(JSON.stringify([FORM, GITHUB_OPERATIONS, WEBHOOKS]))
    .digest('hex');
  const cache = cacheDir('github-openapi');
  const path = join(cache, `${GITHUB_OPENAPI_VERSION}-${key.slice(0, 12)}.json`);
  const done = { ok: true, detail: `GitHub's OpenAPI description ${GITHUB_OPENAPI_VERSION}`, path };
  if (existsSync(path)) return done;

  log(`Fetching GitHub's OpenAPI description ${GITHUB_OPENAPI_VERSION} (29 MB, once) …`);
  const folder = cacheDir('github-openapi', `making-${randomUUID()}`);
  try {
    const name = `@octokit/openapi@${GITHUB_OPENAPI_VERSION}`;
    const packed = await run('npm', ['pack', name, '--silent', '--pack-destination', folder], {
      cwd: folder,
    });
    const archive = readdirSync(folder).find((file) => file.endsWith('.tgz'));
    if (packed.code !== 0 || !archive) {
      return { ok: false, reason: `${name} could not be fetched: ${lastLine(packed.out)}` };
    }
    const taken = await run('tar', ['-xzf', archive, FILE], { cwd: folder });
    if (taken.code !== 0) return { ok: false, reason: `${name} has no ${FILE}: ${lastLine(taken.out)}` };
    const whole = JSON.parse(readFileSync(join(folder, FILE), 'utf8'));
    const made = join(folder, 'reduced.json');
    writeFileSync(made, JSON.stringify(reduce(whole)));
    renameSync(made, path);
    return done;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    removeLeftovers(cache);
  }
}

/** What a run that was killed left behind. */
function removeLeftovers(cache) {
  for (const name of readdirSync(cache).filter((one) => one.startsWith('making-'))) {
    const made = statSync(join(cache, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - made > LEFTOVER_MS) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function reduce(whole) {
  const found = (value) => (value?.$ref ? at(whole, value.$ref) : value);
  const operations = GITHUB_OPERATIONS.map((name) => {
    const [method, path] = name.split(' ');
    const described = whole.paths[path]?.[method.toLowerCase()];
    if (!described) throw new Error(`GitHub's description has no ${name}.`);
    const shared = whole.paths[path].parameters ?? [];
    const parameters = [...shared, ...(described.parameters ?? [])].map(found);
    const body = found(described.requestBody);
    return {
      name,
      parameters: parameters.map((one) => ({
        name: one.name,
        in: one.in,
        required: one.required === true,
        schema: jsonSchema(one.schema),
      })),
      body: body
        ? { required: body.required === true, schema: jsonSchema(body.content['application/json'].schema) }
        : null,
      answers: mapValues(described.responses, (answer) => {
        const schema = found(answer).content?.['application/json']?.schema;
        return schema ? jsonSchema(schema) : null;
      }),
    };
  });
  const webhooks = Object.entries(whole['x-webhooks'])
    .filter(([name]) => WEBHOOKS.some((start) => name === start || name.startsWith(`${start}-`)))
    .map(([name, { post }]) => ({
      name,
      schema: jsonSchema(found(post.requestBody).content['application/json'].schema),
    }));

  const schemas = { 'basic-error': null };
  for (let missing = ['basic-error']; missing.length > 0;) {
    for (const name of missing) schemas[name] = jsonSchema(whole.components.schemas[name]);
    missing = [...namesIn([operations, webhooks, schemas])].filter((name) => !(name in schemas));
  }
  return { version: GITHUB_OPENAPI_VERSION, operations, webhooks, schemas };
}

function at(whole, ref) {
  return ref
    .slice('#/'.length)
    .split('/')
    .reduce((value, key) => value[key], whole);
}

function namesIn(value, names = new Set()) {
  if (Array.isArray(value)) value.forEach((one) => namesIn(one, names));
  else if (value && typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) {
      if (key === '$ref' && typeof inner === 'string') names.add(inner.slice(inner.lastIndexOf('/') + 1));
      else namesIn(inner, names);
    }
  }
  return names;
}

const ASSERTIONS = [
  ...['type', 'enum', 'const', 'format', 'pattern', 'required', 'uniqueItems', 'default'],
  ...[
    'minimum',
    'maximum',
    'minLength',
    'maxLength',
    'minItems',
    'maxItems',
    'minProperties',
    'maxProperties',
  ],
];

/**
 * OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, `$ref` stands alone, and `discriminator` goes: it only
 * helps to choose among alternatives that the schemas tell apart themselves.
 */
function jsonSchema(schema) {
  if (typeof schema === 'boolean') return schema;
  if (schema.$ref) return { $ref: `github#/schemas/${schema.$ref.slice('#/components/schemas/'.length)}` };
  const made = {};
  for (const key of ASSERTIONS) if (key in schema) made[key] = schema[key];
  if (schema.properties) made.properties = mapValues(schema.properties, jsonSchema);
  for (const key of ['items', 'additionalProperties', 'not']) {
    if (key in schema) made[key] = jsonSchema(schema[key]);
  }
  for (const key of ['allOf', 'anyOf', 'oneOf']) if (schema[key]) made[key] = schema[key].map(jsonSchema);
  if (schema.nullable !== true) return made;
  if (!made.type) return { anyOf: [made, { type: 'null' }] };
  if (made.enum && !made.enum.includes(null)) made.enum = [...made.enum, null];
  return { ...made, type: [made.type, 'null'].flat() };
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

await runAsScript(import.meta.url, ensureGithubOpenapi);
