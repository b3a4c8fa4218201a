/**
 * Whether a value stands in some bytes, in every form that `docs/secrets.md` promises to find. Written
 * again here, and plainly: what the product searches with is what is being tested.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Letters and digits that a hunter inside recognises, and marks that escape to something else in every form. */
export const SHAPE = 'Qz9NDL[0-9A-Za-z]{24}';

export function newValue(): string {
  const letters = randomBytes(64)
    .toString('base64')
    .replace(/[^0-9A-Za-z]/g, '');
  return `Qz9NDL${letters.slice(0, 24)}/+"& é<`;
}

/** One that can stand in a host's name. */
export function newPlainValue(): string {
  return newValue().slice(0, 30);
}

/** By its name each; a part of the value that nothing else has is enough. */
export function formsOf(value: string): Map<string, Buffer> {
  const bytes = Buffer.from(value, 'utf8');
  const core = value.slice(0, 30);
  const base64 = (before: number): string => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // The ends hold bits of what stands beside it.
    return text.slice(before === 0 ? 0 : 4, 40);
  };
  const forms: [string, string | Buffer][] = [
    ['as it is', core],
    ['in small letters', core.toLowerCase()],
    ['half of it', core.slice(0, 16)],
    ['UTF-16', Buffer.from(core, 'utf16le')],
    ...[0, 1, 2].map((before): [string, string] => [`base64 at ${before}`, base64(before)]),
    ['hex', Buffer.from(core).toString('hex')],
    ['HEX', Buffer.from(core).toString('hex').toUpperCase()],
    ['%xx', [...Buffer.from(core)].map((byte) => `%${byte.toString(16)}`).join('')],
  ];
  return new Map(forms.map(([name, form]) => [name, Buffer.from(form)]));
}

/** The names of the forms that are there. */
export function formsIn(bytes: Buffer | string, value: string): string[] {
  const text = Buffer.from(bytes as string);
  return [...formsOf(value)].flatMap(([name, form]) => (text.includes(form) ? [name] : []));
}

/** Every file below a folder, with its name, that holds a form of it. */
export async function filesWith(dir: string, value: string): Promise<string[]> {
  const forms = [...formsOf(value)];
  const longest = Math.max(...forms.map(([, form]) => form.length));
  const found: string[] = [];
  const look = async (path: string): Promise<void> => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) for (const name of readdirSync(path)) await look(join(path, name));
    if (!stat?.isFile()) return;
    let kept = Buffer.alloc(0);
    for await (const chunk of createReadStream(path)) {
      kept = Buffer.concat([kept, chunk as Buffer]);
      for (const [name, form] of forms) if (kept.includes(form)) return void found.push(`${path}: ${name}`);
      kept = kept.subarray(-longest);
    }
  };
  await look(dir);
  return found;
}
