import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { errorWords } from '../../../client/words/index.ts';
import { CONFIG_FILE, readSettings } from '../../../server/config.ts';
import { keySource, openKeys, type KeyService } from '../../../server/secrets/keys/index.ts';
import { dataFolderKeys, keyringPath } from '../../../server/secrets/keys/key-file.ts';
import { parseKeys } from '../../../server/secrets/keys/keyring.ts';
import { newKey, seal, secretBound, unseal } from '../../../server/secrets/seal.ts';

let folder = '';
let folders = 0;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'codex-keys-'))));
after(() => rm(folder, { recursive: true, force: true }));

async function ownFolder(): Promise<string> {
  const own = join(folder, String(++folders));
  await mkdir(own);
  return own;
}

async function keyFile(text: string, mode = 0o600): Promise<string> {
  const path = join(await ownFolder(), 'keys');
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

const [A, B] = [newKey(), newKey()];
const LIST = `new:${A.toString('base64')},old:${B.toString('hex')}`;
const AAD = secretBound({ environment: 'default', name: 'TOKEN', id: 'id-1' }).key;

function refused(error: unknown, text: RegExp): true {
  assert.ok(error instanceof CodexError, String(error));
  assert.equal(error.code, 'secretKeyMissing');
  assert.match(errorWords(error.wire).text, text);
  for (const key of [A, B]) {
    for (const form of [key.toString('base64'), key.toString('hex')]) {
      assert.ok(!`${error.stack} ${JSON.stringify(error.wire)}`.includes(form.slice(0, 20)));
    }
  }
  return true;
}

/** What every key service promises. `reopen` is the same keys in another process. */
const SERVICES: Record<string, () => Promise<{ keys: KeyService; reopen: () => Promise<KeyService> }>> = {
  async 'the data folder'() {
    const own = await ownFolder();
    return { keys: await openKeys({}, own), reopen: () => openKeys({}, own) };
  },
  async 'the environment'() {
    const open = () => openKeys({ keys: LIST }, folder);
    return { keys: await open(), reopen: open };
  },
  async 'a file'() {
    const path = await keyFile(`# newest first\n${LIST.replace(',', '\n')}\n`);
    const open = () => openKeys({ keyFile: path }, folder);
    return { keys: await open(), reopen: open };
  },
};

for (const [name, open] of Object.entries(SERVICES)) {
  test(`${name}: a key that was wrapped comes back, here and in the next process`, async () => {
    const { keys, reopen } = await open();
    const key = newKey();
    const wrapped = await keys.wrap(key, AAD);
    assert.equal(wrapped.kekId, (await keys.ids())[0]);
    assert.ok(!wrapped.bytes.includes(key.subarray(0, 8)));
    for (const service of [keys, await reopen()]) {
      assert.deepEqual(await service.unwrap(wrapped, AAD), { kind: 'key', key });
    }
    assert.notDeepEqual((await keys.wrap(key, AAD)).bytes, wrapped.bytes, 'never sealed the same way twice');
  });

  test(`${name}: what was changed, or belongs elsewhere, does not open`, async () => {
    const { keys } = await open();
    const wrapped = await keys.wrap(newKey(), AAD);
    const elsewhere = secretBound({ environment: 'default', name: 'TOKEN', id: 'id-2' }).key;
    assert.deepEqual(await keys.unwrap(wrapped, elsewhere), { kind: 'unreadable' });
    for (let at = 0; at < wrapped.bytes.length; at += 7) {
      const bytes = Buffer.from(wrapped.bytes);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      assert.deepEqual(await keys.unwrap({ ...wrapped, bytes }, AAD), { kind: 'unreadable' });
    }
    const cut = wrapped.bytes.subarray(0, 20);
    assert.deepEqual(await keys.unwrap({ ...wrapped, bytes: cut }, AAD), { kind: 'unreadable' });
    assert.deepEqual(await keys.unwrap({ ...wrapped, kekId: 'none' }, AAD), { kind: 'unknownKey' });
  });

  test(`${name}: after renewing, what was wrapped before still opens`, async () => {
    const { keys, reopen } = await open();
    const key = newKey();
    const before = await keys.wrap(key, AAD);
    await keys.renew();
    const [newest] = await keys.ids();
    assert.equal((await keys.wrap(key, AAD)).kekId, newest);
    for (const service of [keys, await reopen()]) {
      assert.deepEqual(await service.ids(), await keys.ids());
      assert.deepEqual(await service.unwrap(before, AAD), { kind: 'key', key });
    }
    assert.equal(newest === before.kekId, name !== 'the data folder', 'only its own keyring grows');
  });
}

test('sealed text opens with its key in its place alone', () => {
  const place = { environment: 'e', name: 'N', id: 'i' };
  const plain = Buffer.from('the value');
  const sealed = seal(A, plain, secretBound(place).value);
  assert.deepEqual(unseal(A, sealed, secretBound(place).value), plain);
  assert.equal(unseal(B, sealed, secretBound(place).value), null);
  for (const other of [
    secretBound({ ...place, environment: 'f' }).value,
    secretBound({ ...place, name: 'M' }).value,
    secretBound({ ...place, id: 'j' }).value,
    secretBound(place).key,
  ])
    assert.equal(unseal(A, sealed, other), null);
  const seen = new Set(
    Array.from({ length: 1000 }, () => seal(A, plain, AAD).subarray(0, 12).toString('hex')),
  );
  assert.equal(seen.size, 1000, 'every IV is fresh');
});

test('keys are read as base64 or hex, with names or without', () => {
  const of = (text: string) => {
    const parsed = parseKeys(text);
    return 'problem' in parsed ? parsed.problem : parsed.keys.map(({ id, key }) => [id, key.toString('hex')]);
  };
  const [hexA, hexB] = [A.toString('hex'), B.toString('hex')];
  assert.deepEqual(of(LIST), [
    ['new', hexA],
    ['old', hexB],
  ]);
  const [[id] = []] = of(A.toString('base64url')) as string[][];
  assert.match(id ?? '', /^key-[0-9a-f]{12}$/);
  assert.deepEqual(of(` ${hexA}\n`), [[id, hexA]], 'the same key has the same name, however it is written');
  assert.notDeepEqual((of(hexB) as string[][])[0]?.[0], id);
  for (const [text, problem] of [
    ['', /no key/],
    ['# only this', /no key/],
    ['short', /the key is not 32 bytes/],
    [hexA.slice(2), /the key is not 32 bytes/],
    [`${hexA},${hexB.slice(1)}`, /key 2 is not 32 bytes/],
    [`a b:${hexA}`, /name of the key/],
    [`:${hexA}`, /name of the key/],
    [`a:${hexA},a:${hexB}`, /name of another/],
  ] as const)
    assert.match(String(of(text)), problem);
});

test('keys that were given and can’t be used are refused at once, and never quoted', async () => {
  const cut = A.toString('base64').slice(1);
  await assert.rejects(openKeys({ keys: cut }, folder), (error) =>
    refused(error, /CODEX_SECRETS_KEY: the key is not 32 bytes/),
  );
  await assert.rejects(openKeys({ keys: '' }, folder), (error) => refused(error, /no key in it/));
  await assert.rejects(openKeys({ keyFile: join(folder, 'nothing') }, folder), (error) =>
    refused(error, /nothing: it is not there/),
  );
  await assert.rejects(openKeys({ keyFile: await keyFile(cut) }, folder), (error) =>
    refused(error, /32 bytes/),
  );
  for (const mode of [0o640, 0o604, 0o660, 0o666, 0o620]) {
    const path = await keyFile(LIST, mode);
    await assert.rejects(openKeys({ keyFile: path }, folder), (error) =>
      refused(error, new RegExp(`others can read its file .*mode 0${mode.toString(8)}.*chmod 600`)),
    );
  }
  const readable = await keyFile(LIST, 0o644);
  const link = join(await ownFolder(), 'link');
  await symlink(readable, link);
  await assert.rejects(openKeys({ keyFile: link }, folder), (error) => refused(error, /others can read/));
});

test('a keyring that others can read, or that is damaged, is refused and never written over', async () => {
  const own = await ownFolder();
  await dataFolderKeys(own).wrap(newKey(), AAD);
  const path = keyringPath(own);
  const whole = await readFile(path, 'utf8');
  await chmod(path, 0o644);
  for (const call of [
    (keys: KeyService) => keys.ids(),
    (keys: KeyService) => keys.wrap(newKey(), AAD),
    (keys: KeyService) => keys.renew(),
  ])
    await assert.rejects(call(dataFolderKeys(own)), (error) => refused(error, /others can read/));
  await chmod(path, 0o600);
  for (const [text, problem] of [
    [whole.slice(0, 60), /no JSON/],
    ['', /no JSON/],
    ['{}', /no keyring/],
    [JSON.stringify({ version: 1, keys: [] }), /no keyring/],
    [JSON.stringify({ version: 1, keys: [{ id: 'a', key: 'x', createdAt: 1 }] }), /one of its keys is none/],
  ] as const) {
    await writeFile(path, text);
    for (const call of [(keys: KeyService) => keys.wrap(newKey(), AAD), (keys: KeyService) => keys.renew()])
      await assert.rejects(call(dataFolderKeys(own)), (error) => refused(error, problem));
    assert.equal(await readFile(path, 'utf8'), text);
  }
});

test('two that make the keyring at once use the same key', async () => {
  const own = await ownFolder();
  const key = newKey();
  const wrapped = await Promise.all(Array.from({ length: 8 }, () => dataFolderKeys(own).wrap(key, AAD)));
  assert.equal(new Set(wrapped.map(({ kekId }) => kekId)).size, 1);
  const later = dataFolderKeys(own);
  for (const one of wrapped) assert.deepEqual(await later.unwrap(one, AAD), { kind: 'key', key });
  assert.equal((await stat(keyringPath(own))).mode & 0o777, 0o600);
});

test('the settings say where keys are; the variable wins', async () => {
  const own = await ownFolder();
  assert.deepEqual((await readSettings(own, {})).secretKeys, {});
  await writeFile(join(own, CONFIG_FILE), 'secretsKeyFile: my.keys\n');
  assert.deepEqual((await readSettings(own, {})).secretKeys, { keyFile: join(own, 'my.keys') });
  const both = await readSettings(own, {
    CODEX_SECRETS_KEY: LIST,
    CODEX_SECRETS_KEY_FILE: '/etc/codex/keys',
  });
  assert.deepEqual(both.secretKeys, { keys: LIST, keyFile: '/etc/codex/keys' });
  assert.equal(keySource(both.secretKeys, own), 'CODEX_SECRETS_KEY');
  assert.deepEqual(await (await openKeys(both.secretKeys, own)).ids(), ['new', 'old']);
  assert.equal(keySource({}, own), keyringPath(own));
});
