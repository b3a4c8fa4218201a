import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { defaultEnvironment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import {
  SECRETS_BYTES_PER_ENVIRONMENT,
  SECRETS_PER_ENVIRONMENT,
  SECRET_MOST_BYTES,
} from '../../../protocol/limits.ts';
import { Environments } from '../../../server/environments/environments.ts';
import { openKeys } from '../../../server/secrets/keys/index.ts';
import { dataFolderKeys } from '../../../server/secrets/keys/key-file.ts';
import { givenKeys } from '../../../server/secrets/keys/keyring.ts';
import { newKey } from '../../../server/secrets/seal.ts';
import type { Vault } from '../../../server/secrets/types.ts';
import { openVault } from '../../../server/secrets/vault.ts';
import { openStore, type Store } from '../../../server/store/store.ts';

let dataDir = '';
let store: Store;
let vault: Vault;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'codex-secrets-'));
  store = await openStore({ dataDir });
  vault = await openVault(store, await openKeys({}, dataDir));
});
afterEach(() => store.write((tx) => tx.deleteFrom('secrets').execute()).then(() => undefined));
after(async () => {
  await store.close();
  await rm(dataDir, { recursive: true, force: true });
});

const isError =
  (code: string, params: Record<string, unknown> = {}) =>
  (error: unknown) => {
    assert.ok(error instanceof CodexError, String(error));
    assert.equal(error.code, code);
    for (const [name, value] of Object.entries(params)) assert.equal(error.wire.params[name], value, name);
    return true;
  };
const rows = () => store.read((db) => db.selectFrom('secrets').selectAll().orderBy('name').execute());
const values = async (of = vault) => (await of.open('default')).map(({ name, value }) => [name, value]);

test('what is set is opened as it was, to the byte', async () => {
  const odd = 'line 1\n"quoted" \'twice\' \\ $(x)\r\n\t☃ 🙂 é\u0301\n';
  await vault.put('default', 'ODD', odd, 'owner');
  await vault.put('default', 'LEAST', '12345678', 'owner');
  await vault.put('default', 'MOST', 'x'.repeat(SECRET_MOST_BYTES), 'owner');
  assert.deepEqual(await values(), [
    ['LEAST', '12345678'],
    ['MOST', 'x'.repeat(SECRET_MOST_BYTES)],
    ['ODD', odd],
  ]);
  const views = await vault.list('default');
  assert.deepEqual(
    views.map(({ name, updatedBy }) => [name, updatedBy]),
    [
      ['LEAST', 'owner'],
      ['MOST', 'owner'],
      ['ODD', 'owner'],
    ],
  );
  assert.deepEqual(Object.keys(views[0] ?? {}).sort(), ['name', 'updatedAt', 'updatedBy']);
});

test('a name that is set again has another value, another id and another key', async () => {
  await vault.put('default', 'TOKEN', 'first-value-1', 'ann');
  const [first] = await rows();
  await vault.put('default', 'TOKEN', 'first-value-1', 'ben');
  const [second] = await rows();
  assert.ok(first && second);
  assert.notEqual(second.id, first.id);
  assert.notEqual(second.sealed, first.sealed);
  assert.notEqual(second.wrapped_key, first.wrapped_key);
  assert.equal(second.updated_by, 'ben');
  assert.equal((await rows()).length, 1);
  assert.equal((await vault.open('default'))[0]?.id, second.id);
});

test('what can’t be a secret is refused', async () => {
  for (const [name, value] of [
    ['TOKEN', 'short12'],
    ['TOKEN', 'x'.repeat(SECRET_MOST_BYTES + 1)],
    ['TOKEN', 'é'.repeat(SECRET_MOST_BYTES / 2 + 1)],
    ['TOKEN', 'with\0nul-in-it'],
    ['1TOKEN', 'good-value'],
    ['PATH', 'good-value'],
    ['HTTPS_PROXY', 'good-value'],
  ] as const)
    await assert.rejects(vault.put('default', name, value, 'owner'), isError('badRequest'));
  await assert.rejects(
    vault.put('nowhere', 'TOKEN', 'good-value', 'owner'),
    isError('environmentUnknown', { name: 'nowhere' }),
  );
  await assert.rejects(vault.delete('default', 'TOKEN'), isError('secretUnknown', { name: 'TOKEN' }));
  assert.deepEqual(await rows(), []);
});

test('an environment has so many secrets and so many bytes of them, also when all come at once', async () => {
  const put = (at: number, value: string) => vault.put('default', `S${at}`, value, 'owner');
  const all = await Promise.allSettled(
    Array.from({ length: SECRETS_PER_ENVIRONMENT + 3 }, (_, at) => put(at, `value-number-${at}`)),
  );
  const refused = all.filter((one) => one.status === 'rejected');
  assert.equal(refused.length, 3);
  for (const { reason } of refused) isError('secretsTooMany', { most: SECRETS_PER_ENVIRONMENT })(reason);
  const [kept] = await rows();
  assert.ok(kept);
  await vault.put('default', kept.name, 'one that is there can be set again', 'owner');

  await vault.deleteAll('default');
  const large = 'y'.repeat(SECRET_MOST_BYTES);
  const fit = SECRETS_BYTES_PER_ENVIRONMENT / SECRET_MOST_BYTES;
  for (let at = 0; at < fit; at++) await put(at, large);
  await assert.rejects(
    put(fit, '12345678'),
    isError('secretsTooMany', { maxBytes: SECRETS_BYTES_PER_ENVIRONMENT }),
  );
  await put(0, large.replaceAll('y', 'z'));
});

test('no row opens in the place of another', async () => {
  const environments = new Environments(store);
  await environments.put(defaultEnvironment('web'), 'owner');
  await vault.put('default', 'A', 'value-of-a-here', 'owner');
  await vault.put('default', 'B', 'value-of-b-here', 'owner');
  await vault.put('web', 'A', 'value-of-web-here', 'owner');
  const before = await rows();
  const of = (environment: string, name: string) =>
    before.find((row) => row.environment === environment && row.name === name);
  const [a, b, web] = [of('default', 'A'), of('default', 'B'), of('web', 'A')];
  assert.ok(a && b && web);
  const set = (change: Partial<typeof a>) =>
    store.write((tx) =>
      tx
        .updateTable('secrets')
        .set(change)
        .where('environment', '=', 'default')
        .where('name', '=', 'A')
        .execute(),
    );
  const flipped = (text: string) => {
    const bytes = Buffer.from(text, 'base64');
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return bytes.toString('base64');
  };
  for (const change of [
    { sealed: b.sealed },
    { wrapped_key: b.wrapped_key },
    { sealed: b.sealed, wrapped_key: b.wrapped_key },
    { sealed: web.sealed, wrapped_key: web.wrapped_key },
    { id: 'another-id' },
    { version: 2 },
    { sealed: '' },
    { wrapped_key: '' },
    { sealed: flipped(a.sealed) },
    { wrapped_key: flipped(a.wrapped_key) },
  ]) {
    await set(change);
    await assert.rejects(
      vault.open('default'),
      isError('secretUnreadable', { name: 'A' }),
      JSON.stringify(Object.keys(change)),
    );
    await set(a);
  }
  await set({ kek_id: 'another' });
  await assert.rejects(vault.open('default'), isError('secretKeyUnknown', { name: 'A', kekId: 'another' }));
  await set(a);
  assert.equal((await values()).length, 2);
  await vault.deleteAll('web');
  assert.deepEqual(await vault.list('web'), []);
  assert.equal((await vault.list('default')).length, 2);
  await environments.delete('web');
});

test('the keyring is made on first use, is for its owner alone, and is read again by the next backend', async () => {
  const own = await mkdtemp(join(tmpdir(), 'codex-secrets-'));
  const first = await openVault(store, dataFolderKeys(own));
  await assert.rejects(stat(join(own, 'secrets')), { code: 'ENOENT' });
  await Promise.all([
    first.put('default', 'A', 'value-of-a-here', 'owner'),
    first.put('default', 'B', 'value-of-b-here', 'owner'),
  ]);
  assert.equal((await stat(join(own, 'secrets'))).mode & 0o777, 0o700);
  assert.equal((await stat(join(own, 'secrets/keys.json'))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(own, 'secrets')), ['keys.json']);
  const second = await openVault(store, dataFolderKeys(own));
  assert.equal((await values(second)).length, 2);

  await rm(join(own, 'secrets'), { recursive: true });
  const third = await openVault(store, dataFolderKeys(own));
  await assert.rejects(third.open('default'), isError('secretKeyUnknown', { name: 'A' }));
  await rm(own, { recursive: true });
});

test('rotation gives every value’s key the newest wrapping, and leaves the values alone', async () => {
  const count = 150;
  await store.write((tx) => tx.deleteFrom('secrets').execute());
  const environments = new Environments(store);
  const names = ['default', 'one', 'two'];
  for (const name of names.slice(1)) await environments.put(defaultEnvironment(name), 'owner');
  for (let at = 0; at < count; at++)
    await vault.put(names[at % 3] ?? '', `S${at}`, `value-number-${at}`, 'owner');
  const before = await rows();
  assert.deepEqual(await vault.rotate(), { rewrapped: count });
  const after = await rows();
  assert.equal(new Set(after.map(({ kek_id }) => kek_id)).size, 1);
  assert.notEqual(after[0]?.kek_id, before[0]?.kek_id);
  assert.deepEqual(
    after.map(({ id, sealed, updated_at }) => ({ id, sealed, updated_at })),
    before.map(({ id, sealed, updated_at }) => ({ id, sealed, updated_at })),
  );
  for (const name of names) assert.equal((await vault.open(name)).length, count / 3);
  for (const name of names.slice(1)) await vault.deleteAll(name);
  for (const name of names.slice(1)) await environments.delete(name);
});

test('a rotation that is interrupted goes on the next time, and everything opens in between', async () => {
  for (let at = 0; at < 5; at++) await vault.put('default', `S${at}`, `value-number-${at}`, 'owner');
  const keys = dataFolderKeys(dataDir);
  let left = 2;
  const failing = await openVault(store, {
    ...keys,
    wrap: (key, aad) => (left-- > 0 ? keys.wrap(key, aad) : Promise.reject(new Error('gone'))),
  });
  await assert.rejects(failing.rotate(), /gone/);
  const stopped = await openVault(
    { ...store, write: () => Promise.reject(new CodexError('diskFull')) },
    keys,
  ).catch(() => null);
  assert.equal(stopped, null, 'a vault that can’t be opened says so');
  const next = await openVault(store, dataFolderKeys(dataDir));
  assert.equal((await values(next)).length, 5);
  assert.deepEqual(await next.rotate(), { rewrapped: 5 });
  assert.equal((await values(next)).length, 5);
  vault = next;
});

test('a value that is set while a rotation runs is not lost to it', async () => {
  await vault.put('default', 'A', 'value-of-a-old', 'owner');
  await vault.put('default', 'B', 'value-of-b-old', 'owner');
  const keys = dataFolderKeys(dataDir);
  const other = await openVault(store, keys);
  let hit = false;
  const rotating = await openVault(store, {
    ...keys,
    async unwrap(wrapped, aad) {
      // Between the reading of the rows and their writing.
      if (!hit) {
        hit = true;
        await other.put('default', 'A', 'value-of-a-new', 'owner');
        await other.delete('default', 'B');
      }
      return keys.unwrap(wrapped, aad);
    },
  });
  assert.deepEqual(await rotating.rotate(), { rewrapped: 0 });
  assert.deepEqual(await values(rotating), [['A', 'value-of-a-new']]);
});

test('one row that can’t be opened does not keep the others from their new key, and is told', async () => {
  const [older, newer] = [newKey(), newKey()];
  const old = { id: 'old', key: older };
  const before = await openVault(store, givenKeys([old]));
  for (const name of ['A', 'B', 'C']) await before.put('default', name, `value-of-${name}-here`, 'owner');
  await store.write((tx) =>
    tx.updateTable('secrets').set({ kek_id: 'lost' }).where('name', '=', 'B').execute(),
  );
  const both = await openVault(store, givenKeys([{ id: 'new', key: newer }, old]));
  await assert.rejects(both.rotate(), isError('secretKeyUnknown', { name: 'B', kekId: 'lost' }));
  assert.deepEqual(
    (await rows()).map(({ name, kek_id }) => [name, kek_id]),
    [
      ['A', 'new'],
      ['B', 'lost'],
      ['C', 'new'],
    ],
  );
  const without = await openVault(store, givenKeys([old]));
  await assert.rejects(without.open('default'), isError('secretKeyUnknown', { name: 'A', kekId: 'new' }));
});

test('what an environment left that was deleted in a crash is gone at the next start', async () => {
  const environments = new Environments(store);
  await environments.put(defaultEnvironment('crashed'), 'owner');
  await vault.put('crashed', 'A', 'value-of-a-here', 'owner');
  await vault.put('default', 'A', 'value-of-a-here', 'owner');
  await environments.delete('crashed');
  await openVault(store, dataFolderKeys(dataDir));
  assert.deepEqual(
    (await rows()).map(({ environment }) => environment),
    ['default'],
  );
});

test('no value is anywhere in the data folder in the clear', async () => {
  const value = 'Needle-in-the-haystack-0815';
  await vault.put('default', 'NEEDLE', value, 'owner');
  const files = await readdir(dataDir, { recursive: true, withFileTypes: true });
  let named = false;
  for (const file of files.filter((entry) => entry.isFile())) {
    const bytes = await readFile(join(file.parentPath, file.name));
    named ||= bytes.includes('NEEDLE');
    for (const encoding of ['utf8', 'base64', 'hex', 'utf16le'] as const) {
      const form =
        encoding === 'utf16le' ? Buffer.from(value, encoding) : Buffer.from(value).toString(encoding);
      assert.ok(!bytes.includes(form), `${file.name} holds the value as ${encoding}`);
    }
  }
  assert.ok(named, 'the row was looked at');
});
