/** `codex-tasks env edit`: an environment as YAML in the person's own editor. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LineCounter, parseDocument, stringify } from 'yaml';
import { checkEnvironment, Environment } from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import { UsageError } from '../usage.ts';

/** Null when nothing was changed. A text that can't be stored is kept where the error says. */
export async function editedEnvironment(before: Environment): Promise<Environment | null> {
  const editor = process.env['VISUAL'] ?? process.env['EDITOR'];
  if (!editor) throw new UsageError('Set VISUAL or EDITOR to your editor, or use env set.');
  const folder = await mkdtemp(join(tmpdir(), 'codex-environment-'));
  const path = join(folder, `${before.name}.yaml`);
  const written = textOf(before);
  await writeFile(path, written, { mode: 0o600 });
  await open(editor, path);
  const text = await readFile(path, 'utf8');
  try {
    const edited = text === written ? null : environmentOf(text, before.name);
    await rm(folder, { recursive: true, force: true });
    return edited;
  } catch (error) {
    process.stderr.write(`Your text is kept: ${path}\n`);
    throw error;
  }
}

export function textOf(environment: Environment): string {
  const { name, ...fields } = Environment.parse(environment);
  return `# The environment “${name}”. What is not here was not set.\n${stringify(fields)}`;
}

/** Throws `CodexError` badEnvironment. */
export function environmentOf(text: string, name: string): Environment {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const where = `line ${lineCounter.linePos(broken.pos[0]).line}`;
    throw new CodexError('badEnvironment', { name, where, problem: `is no YAML: ${broken.message}` });
  }
  const value: unknown = document.toJS();
  const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  const unknown = Object.keys(fields).find((key) => !(key in Environment.shape));
  if (unknown !== undefined)
    throw new CodexError('badEnvironment', { name, where: unknown, problem: 'is not known here' });
  return checkEnvironment({ ...fields, name });
}

async function open(editor: string, path: string): Promise<void> {
  // The setting is a command line of the person's own (`code --wait`); the path is never part of it.
  const child =
    process.platform === 'win32'
      ? spawn(`${editor} "${path}"`, { stdio: 'inherit', shell: true })
      : spawn('/bin/sh', ['-c', `${editor} "$1"`, 'editor', path], { stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0)
    throw new UsageError(`The editor (${editor}) ended with ${code ?? 'a signal'}; nothing was stored.`);
}
