/** Rows of connections: sealed for their host and kind, and one that can't be opened harms no other. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Connection } from '../../../server/forge/connection.ts';
import { keptConnections, type KeptConnections } from '../../../server/forge/connections.ts';
import { openForges } from '../../../server/forge/forges.ts';
import { NO_LOG } from '../../../server/log.ts';
import { openKeys } from '../../../server/secrets/keys/index.ts';
import { openStore, type Store } from '../../../server/store/store.ts';
import { failsWith } from './world.ts';

let dataDir = '';
let store: Store;
let open: () => Promise<KeptConnections>;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'codex-forges-'));
  store = await openStore({ dataDir });
  open = async () => keptConnections(store, await openKeys({}, dataDir));
});
after(async () => {
  await store.close();
  await rm(dataDir, { recursive: true, force: true });
});

const connection = (host: string, token: string): Connection => ({
  host,
  kind: 'github',
  apiUrl: `https://${host}/api/v3`,
  how: 'token',
  from: 'client',
  secret: { how: 'token', token },
  webhookSecret: 'hook-secret-value',
});

test('a row opens for its host alone, and the others go on', async () => {
  const kept = await open();
  await kept.keep(connection('one.example', 'token-of-one'), 'owner');
  await kept.keep(connection('two.example', 'token-of-two'), 'owner');
  await store.write((tx) =>
    tx
      .updateTable('forge_connections')
      .set({ host: 'evil.example' })
      .where('host', '=', 'one.example')
      .execute(),
  );
  const [moved, two] = await (await open()).all();
  assert.deepEqual(
    [moved?.host, moved?.secret, moved?.problem?.code],
    ['evil.example', null, 'secretUnreadable'],
  );
  assert.deepEqual(two?.secret, { how: 'token', token: 'token-of-two' });

  const forges = await openForges({ owners: [], kept: await open(), log: NO_LOG, loopback: true });
  await failsWith(forges.get('evil.example'), 'secretUnreadable', /evil\.example/, 'token-of-one');
  await failsWith(forges.get('one.example'), 'forgeUnknown', /no access to one\.example/);
  assert.equal((await forges.ofRemote('git@two.example:a/b.git'))?.name, 'a/b');
  assert.equal((await forges.ofRemote('https://evil.example/a/b'))?.name, undefined);
  assert.equal(await forges.ofRemote('https://two.example/a/b/c'), null);
  const links = await forges.linksIn('https://two.example/a/b/pull/3 https://evil.example/a/b/pull/3');
  assert.deepEqual(
    links.map(({ kind, number, repo }) => [kind, number, repo.gitUrl]),
    [['pull', 3, 'https://two.example/a/b.git']],
  );
  assert.deepEqual(forges.secrets().toSorted(), ['hook-secret-value', 'token-of-two']);
  assert.equal(await forges.webhookSecret('two.example'), 'hook-secret-value');
  assert.equal(await forges.webhookSecret('nowhere.example'), null);
});

test('a token is not sent to an address that it was not sealed with', async () => {
  const kept = await open();
  await kept.keep(connection('three.example', 'token-of-three'), 'owner');
  const change = (api_url: string) =>
    store.write((tx) =>
      tx.updateTable('forge_connections').set({ api_url }).where('host', '=', 'three.example').execute(),
    );
  await change('https://evil.example/api/v3');
  for (const reader of [kept, await open()]) {
    const there = (await reader.all()).find(({ host }) => host === 'three.example');
    assert.deepEqual([there?.secret, there?.problem?.code], [null, 'secretUnreadable']);
  }
  await kept.forget('three.example');
});

test('what another backend on the same database connects, this one uses at once', async () => {
  const [here, elsewhere] = [
    await openForges({ owners: [], kept: await open(), log: NO_LOG, loopback: true }),
    await open(),
  ];
  await elsewhere.keep(connection('late.example', 'first-token'), 'ann');
  const remote = 'https://late.example/a/b';
  assert.equal((await (await here.ofRemote(remote))?.credential('read'))?.password, 'first-token');
  await elsewhere.keep(connection('late.example', 'second-token'), 'ann');
  assert.equal((await (await here.ofRemote(remote))?.credential('read'))?.password, 'second-token');
  await elsewhere.forget('late.example');
  assert.equal(await here.ofRemote(remote), null);
});
