/** A new embedded database is a copy of one that was made before, laid out the same way. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { PGlite } from '@electric-sql/pglite';
import { DATABASE_TEMPLATE_UNUSED_MS } from '../../../protocol/limits.ts';
import { openEmbeddedDatabase } from '../../../server/store/template.ts';
import { temporaryFolder } from './fixture.ts';

test('the tables are laid out once, every database is one of its own, and what nobody uses any more goes', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const cache = join(dataDir, 'cache');
  const old = join(cache, 'database-pglite-0.0.1-abc');
  mkdirSync(old, { recursive: true });
  const longAgo = new Date(Date.now() - DATABASE_TEMPLATE_UNUSED_MS - 60_000);
  utimesSync(old, longAgo, longAgo);
  mkdirSync(join(cache, 'something-else'));
  utimesSync(join(cache, 'something-else'), longAgo, longAgo);

  const laid: PGlite[] = [];
  const layout = {
    key: 'one',
    lay: async (empty: PGlite) => {
      laid.push(empty);
      await empty.exec('create table things (name text)');
      await empty.close();
    },
  };
  const opened: PGlite[] = [];
  try {
    for (const name of ['first', 'second']) {
      const database = await openEmbeddedDatabase(join(dataDir, name), layout, cache);
      opened.push(database);
      await database.query('insert into things values ($1)', [name]);
      assert.deepEqual((await database.query('select name from things')).rows, [{ name }]);
    }
    assert.equal(laid.length, 1);
    assert.ok(!existsSync(old));
    assert.match(readdirSync(cache).join(' '), /^database-pglite-[\d.]+-one something-else$/);
  } finally {
    for (const database of opened) await database.close();
    await remove();
  }
});

test('this Node knows the options that keep the embedded database from being optimized at every start', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  for (const option of ['--wasm-tier-up', '--wasm-dynamic-tiering'])
    assert.match(known, new RegExp(`^ *${option} `, 'm'));
});
