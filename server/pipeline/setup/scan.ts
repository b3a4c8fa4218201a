/**
 * Whether a setup left a secret in a file, a file's name or a link, where the agent would find it. Reads
 * what the setup changed, after everything in its sandbox is dead.
 *
 * What is looked for is a value in the forms of a redactor; what was compressed or encrypted is not
 * recognised.
 */
import type { Readable } from 'node:stream';
import type { ChangedFile, SandboxDriver } from '../../sandbox/sandbox.ts';
import type { Redactor } from '../../secrets/types.ts';

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
  return file.content ? secretIn(file.content, redactor) : null;
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
