/**
 * Whether a setup left a secret in a file, a file's name or a link, where the agent would find it. Reads
 * what the setup changed, after everything in its sandbox is dead.
 *
 * What is looked for is a value in the forms of a redactor; of what is compressed only git's objects are
 * opened.
 */
import type { Readable } from 'node:stream';
import type { ChangedFile, SandboxDriver } from '../../sandbox/sandbox.ts';
import type { Redactor } from '../../secrets/types.ts';
import { isLooseObject, Unpacked } from './git-objects.ts';

export interface FoundSecret {
  name: string;
  /** The file as text. */
  path: string;
}

/** As many as a person looks at; one is enough to stop. */
const FOUND_MOST = 20;

/** Secrets in files that are not in `allowed` (absolute, or `~/` for the home folder). */
export async function findSecrets(
  driver: SandboxDriver,
  sandboxName: string,
  redactor: Redactor,
  allowed: readonly string[],
  home: string,
  signal: AbortSignal,
): Promise<FoundSecret[]> {
  if (redactor.isEmpty) return [];
  const found: FoundSecret[] = [];
  const fine = new Set(allowed.map((path) => (path.startsWith('~/') ? `${home}/${path.slice(2)}` : path)));
  for await (const file of driver.changedFiles(sandboxName)) {
    signal.throwIfAborted();
    const path = file.path.toString('utf8');
    const name = fine.has(path) ? null : await secretOf(file, redactor);
    if (name !== null) found.push({ name, path: redactor.text(path) });
    else file.content?.destroy();
    if (found.length >= FOUND_MOST) break;
  }
  return found;
}

async function secretOf(file: ChangedFile, redactor: Redactor): Promise<string | null> {
  const outside = redactor.find(file.path) ?? (file.target ? redactor.find(file.target) : null);
  if (outside !== null) {
    file.content?.destroy();
    return outside;
  }
  if (!file.content) return null;
  return isLooseObject(file.path.toString('latin1'))
    ? secretInObject(file.content, redactor)
    : secretIn(file.content, redactor);
}

async function secretIn(content: Readable, redactor: Redactor): Promise<string | null> {
  const finder = redactor.finder();
  for await (const chunk of content) {
    const name = finder.push(chunk as Buffer);
    // Leaving the loop destroys the stream.
    if (name !== null) return name;
  }
  return null;
}

/** As it is, and as git reads it. */
async function secretInObject(content: Readable, redactor: Redactor): Promise<string | null> {
  const asItIs = redactor.finder();
  const unpacked = redactor.finder();
  let found: string | null = null;
  const inside = new Unpacked((piece) => (found ??= unpacked.push(piece)));
  try {
    for await (const chunk of content) {
      found ??= asItIs.push(chunk as Buffer);
      if (found !== null) return found;
      await inside.push(chunk as Buffer);
    }
    await inside.end();
    return found;
  } finally {
    inside.destroy();
  }
}
