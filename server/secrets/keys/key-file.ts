/**
 * Keys in files: the backend's own keyring in its data folder, which is made on first use and grows by
 * `renew`, and a file that the owner named, which is only read.
 *
 * A file that others can read is refused, and nothing is ever written over a keyring but by a rename of
 * its synced successor: a lost key is a lost secret.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CodexError, errorText, hasNoSpace } from '../../../protocol/errors.ts';
import { newKey } from '../seal.ts';
import { KEY_ID, decodeKey, givenKeys, parseKeys, unwrapWith, wrapWith, type NamedKey } from './keyring.ts';
import type { KeyService } from './service.ts';

/** In the data folder. */
const KEYRING = ['secrets', 'keys.json'] as const;

export const keyringPath = (dataDir: string): string => join(dataDir, ...KEYRING);

const OTHERS = 0o077;
const MODE = 0o777;

const Keyring = z.strictObject({
  version: z.literal(1),
  /** Newest first. */
  keys: z
    .array(z.strictObject({ id: z.string().regex(KEY_ID), key: z.string(), createdAt: z.number() }))
    .min(1),
});
type Keyring = z.infer<typeof Keyring>;

/** Throws `CodexError` secretKeyMissing, now or at a call, when the file can't be used as it is. */
export async function keysOfFile(path: string): Promise<KeyService> {
  const parsed = parseKeys((await readOwn(path)) ?? missing(path, 'it is not there'));
  if ('problem' in parsed) return missing(path, parsed.problem);
  return givenKeys(parsed.keys);
}

export function dataFolderKeys(dataDir: string): KeyService {
  const path = keyringPath(dataDir);
  /** One change after the other; a key that was read once stays. */
  let line: Promise<unknown> = Promise.resolve();
  let known: Keyring | null = null;
  const inLine = <T>(fn: () => Promise<T>): Promise<T> => {
    const result = line.then(fn);
    line = result.catch(() => undefined);
    return result;
  };
  const read = async () => (known ??= await readKeyring(path));
  const readOrMake = () =>
    inLine(async () => (await read()) ?? (known = await makeKeyring(path, [newEntry()])));
  return {
    ids: async () => (await inLine(read))?.keys.map(({ id }) => id) ?? [],
    async wrap(key, aad) {
      const [newest] = namedKeys(await readOrMake());
      return newest ? wrapWith(newest, key, aad) : missing(path, 'there is no key in it');
    },
    unwrap: async (wrapped, aad) => unwrapWith(namedKeys(await inLine(read)), wrapped, aad),
    renew: () =>
      inLine(async () => {
        const before = await read();
        known = before
          ? await writeKeyring(path, [newEntry(), ...before.keys])
          : await makeKeyring(path, [newEntry()]);
      }),
  };
}

function newEntry(): Keyring['keys'][number] {
  return {
    id: `key-${randomBytes(6).toString('hex')}`,
    key: newKey().toString('base64'),
    createdAt: Date.now(),
  };
}

function namedKeys(keyring: Keyring | null): NamedKey[] {
  return (keyring?.keys ?? []).flatMap(({ id, key }) => {
    const bytes = decodeKey(key);
    return bytes ? [{ id, key: bytes }] : [];
  });
}

async function readKeyring(path: string): Promise<Keyring | null> {
  const text = await readOwn(path);
  if (text === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return missing(path, 'it is no JSON: part of it may be lost');
  }
  const parsed = Keyring.safeParse(json);
  if (!parsed.success) return missing(path, 'it is no keyring');
  if (namedKeys(parsed.data).length !== parsed.data.keys.length)
    return missing(path, 'one of its keys is none');
  return parsed.data;
}

/** Null when it is not there. */
async function readOwn(path: string): Promise<string | null> {
  try {
    const { mode, uid } = await stat(path);
    // Windows has no such bits: there the folder of the person's account is what protects it.
    if (process.platform !== 'win32') {
      if ((mode & OTHERS) !== 0)
        throw new CodexError('secretKeyMissing', { path, mode: (mode & MODE).toString(8).padStart(4, '0') });
      if (uid !== process.getuid?.() && uid !== 0) return missing(path, 'it belongs to another user');
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof CodexError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return missing(path, errorText(error));
  }
}

/** Never over another one: whoever was first wins, and both use the same. */
async function makeKeyring(path: string, keys: Keyring['keys']): Promise<Keyring> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return written(path, keys, async (temporary) => {
    try {
      await link(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await unlink(temporary);
    }
  });
}

function writeKeyring(path: string, keys: Keyring['keys']): Promise<Keyring> {
  return written(path, keys, (temporary) => rename(temporary, path));
}

/** On disk and synced before it counts: what a lost key has wrapped is lost too. */
async function written(
  path: string,
  keys: Keyring['keys'],
  place: (temporary: string) => Promise<void>,
): Promise<Keyring> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ version: 1, keys } satisfies Keyring, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(temporary);
    await syncFolder(dirname(path));
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    if (hasNoSpace(error)) throw new CodexError('diskFull', {}, { cause: error });
    return missing(path, errorText(error));
  }
  return (await readKeyring(path)) ?? missing(path, 'it went away');
}

async function syncFolder(folder: string): Promise<void> {
  // Windows can't open a folder, and writes its entries by itself.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function missing(path: string, reason: string): never {
  throw new CodexError('secretKeyMissing', { path, reason }, { detail: `${path}: ${reason}` });
}
