/**
 * The environment file of a repository, `.codex/environment.yaml` (that name alone): what a repository
 * says of how it is run. Read from the backend's trusted repository at a commit, never from a sandbox.
 *
 * The text is hostile: size and form are bounded before anything is made of it, aliases are refused, and
 * what is wrong is an error with its line. Internet access, secrets and whatever else is the owner's
 * never come from here.
 */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { z } from 'zod';
import { Environment, RepositorySettings } from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import { firstProblem } from '../../protocol/problems.ts';

export const ENVIRONMENT_FILE = '.codex/environment.yaml';
/** A likely mistake, told as such: it would else be ignored in silence. */
const OTHER_NAME = '.codex/environment.yml';
/** Two scripts at their longest, with room for variables. */
export const ENVIRONMENT_FILE_BYTES = 512 * 1024;

const FORM = 1;
const FileSettings = RepositorySettings.extend({
  /** Of the form of this file. Absent: 1. */
  version: z
    .unknown()
    .refine((form) => form === FORM, `must be ${FORM}: no other form of this file is known`)
    .optional(),
}).strict();

/** What an environment has and a repository may not set. */
const OF_THE_BACKEND = new Set([
  ...Object.keys(Environment.shape).filter((key) => !(key in RepositorySettings.shape)),
  ...['secrets', 'model', 'limits', 'memory', 'network'],
]);
/** Here `3.10` is text: as a number it would be 3.1. */
const TEXTS = ['versions', 'variables'];

/** As `Repos` reads it. */
export interface FileReader {
  readFile(repoId: string, sha: string, path: string, maxBytes: number): Promise<Buffer | null>;
}

/** Null when the commit has none. Throws `CodexError` environmentFileInvalid. */
export async function readEnvironmentFile(
  repos: FileReader,
  repoId: string,
  sha: string,
): Promise<RepositorySettings | null> {
  // Asked for at once: each takes a few processes of git's, and most repositories have neither.
  const other = repos.readFile(repoId, sha, OTHER_NAME, ENVIRONMENT_FILE_BYTES);
  other.catch(() => {});
  const bytes = await fileAt(repos, repoId, sha, ENVIRONMENT_FILE);
  if (bytes !== null) return parseEnvironmentFile(bytes);
  if ((await fileAt({ readFile: () => other }, repoId, sha, OTHER_NAME)) === null) return null;
  throw invalid('is not read under this name; it must be environment.yaml', undefined, OTHER_NAME);
}

async function fileAt(repos: FileReader, repoId: string, sha: string, path: string): Promise<Buffer | null> {
  try {
    return await repos.readFile(repoId, sha, path, ENVIRONMENT_FILE_BYTES);
  } catch (error) {
    if (!(error instanceof CodexError)) throw error;
    const { reason, what, limit } = error.wire.params;
    if (limit === 'fileBytes') throw tooLarge(path);
    if (reason !== 'notAFile') throw error;
    const kind = what === 'symlink' ? 'a symbolic link, which is not followed' : `a ${String(what)}`;
    throw invalid(`must be a file, and is (or lies in) ${kind}`, undefined, path);
  }
}

/** Throws `CodexError` environmentFileInvalid {path, line, problem} with the first thing that is wrong. */
export function parseEnvironmentFile(bytes: Uint8Array): RepositorySettings {
  if (bytes.length > ENVIRONMENT_FILE_BYTES) throw tooLarge(ENVIRONMENT_FILE);
  const lines = new LineCounter();
  // The library would compare every key with every other; `checkForm` finds the ones that are there twice.
  const document = parseDocument(textOf(bytes), {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
  });
  const lineAt = (offset: number) => lines.linePos(offset).line;

  const [broken] = [...document.errors, ...document.warnings];
  if (broken) throw invalid(yamlProblem(broken), lineAt(broken.pos[0]));
  checkForm(document, lineAt);
  for (const field of TEXTS) keepTexts(document, field);
  const value: unknown = document.toJS({ maxAliasCount: 0 });

  const parsed = FileSettings.safeParse(value ?? {});
  if (!parsed.success) {
    const { where, path, problem } = firstProblem(parsed.error);
    const ours = path.length === 1 && OF_THE_BACKEND.has(String(path[0]));
    const words = ours ? 'is set in the backend, not in the repository' : problem;
    throw invalid(`${where} ${words}`.trim(), lineAt(offsetOf(document, path)));
  }
  const settings = { ...parsed.data };
  delete settings.version;
  return settings;
}

function textOf(bytes: Uint8Array): string {
  try {
    // A byte order mark, as some editors write it, is left out.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid('is not UTF-8 text');
  }
}

/** Depth of the deepest thing that is allowed: a value in `variables`. */
const MOST_DEPTH = 3;

/** No aliases (a few lines of them make gigabytes), no key twice, nothing deep. */
function checkForm(document: Document.Parsed, lineAt: (offset: number) => number): void {
  const lineOf = (node: { range?: readonly [number, number, number] | null | undefined }) =>
    lineAt(node.range?.[0] ?? 0);
  visit(document, {
    Node(_key, node, path) {
      if (isAlias(node)) throw invalid('has an alias (*), which is not taken here', lineOf(node));
      if (path.filter((above) => isCollection(above)).length > MOST_DEPTH)
        throw invalid('is nested too deeply', lineOf(node));
      if (!isMap(node)) return;
      const names = new Set<string>();
      for (const { key } of node.items) {
        if (!isScalar(key)) throw invalid('has a name that is no text', lineOf(node));
        const name = String(key.value);
        if (names.has(name)) throw invalid(`${name} is there twice`, lineOf(key));
        names.add(name);
      }
    },
  });
}

/** Numbers and the like become the text that they were written as. */
function keepTexts(document: Document.Parsed, field: string): void {
  const map: unknown = document.get(field, true);
  if (!isMap(map)) return;
  for (const { value } of map.items) {
    if (!isScalar(value) || value.source === undefined) continue;
    if (typeof value.value === 'number' || typeof value.value === 'boolean') value.value = value.source;
  }
}

/** Of the key that a path leads to, as far as it is there. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const name of path) {
    if (!isMap(node)) break;
    const pair: Pair | undefined = node.items.find(
      ({ key }) => isScalar(key) && String(key.value) === String(name),
    );
    if (!pair) break;
    if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}

/** The library's first sentence; of what fills its stack it has none. */
function yamlProblem({ code, message }: YAMLError): string {
  if (code === 'RESOURCE_EXHAUSTION') return 'is nested too deeply';
  return (message.split('\n')[0] ?? '').replace(/[.:]+$/, '');
}

function tooLarge(path: string): CodexError {
  return invalid(`is larger than ${ENVIRONMENT_FILE_BYTES / 1024} KiB`, undefined, path);
}

function invalid(problem: string, line?: number, path: string = ENVIRONMENT_FILE): CodexError {
  const place = line === undefined ? path : `${path}:${line}`;
  return new CodexError(
    'environmentFileInvalid',
    { path, problem: problem.slice(0, 400), ...(line === undefined ? {} : { line }) },
    { detail: `${place}: ${problem}` },
  );
}
