/**
 * A backend that is killed while it prepares an environment, and started again on the same data folder:
 * what ran is joined and not run twice, the task completes as if nothing had been, no secret is written
 * down, and nothing is left behind.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { knownEvent, type WireEvent } from '../../protocol/events.ts';
import { PreparedEnvironments } from '../../server/environments/prepared.ts';
import { sweepOnce, sweepPrepared } from '../../server/pipeline/sweep.ts';
import { createDriver } from '../../server/sandbox/index.ts';
import { createRedactor } from '../../server/secrets/redactor.ts';
import { openStore } from '../../server/store/store.ts';
import { atEnd, codexTasks, outcomeOf, place, repository, serve, type Served } from './harness.ts';

/** The test looks a good while later than a crash: what is fresh may belong to somebody. */
const LATER_MS = 11 * 60_000;

const here = place();
const driver = createDriver({ kind: 'docker', dataDir: here.dataDir });
atEnd(async () => {
  for (const { name } of await driver.list()) await driver.remove(name);
  for (const { id } of await driver.snapshots()) await driver.removeSnapshot(id);
});
const startBackend = (port: number): Promise<Served> =>
  serve(here, ['--port', String(port), '--sandbox', 'docker', '--scripted-model']);
let backend = await startBackend(0);
const env = { CODEX_SERVER_URL: backend.url, CODEX_SERVER_TOKEN: backend.token };
const small = await repository(here.at('small'), { '.gitignore': 'installed/\n' });
const TOKEN = randomBytes(20).toString('hex');

async function say(args: string[], input?: string): Promise<void> {
  const { code, stdout, stderr } = await codexTasks(args, { env, ...(input === undefined ? {} : { input }) })
    .ended;
  assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
}

async function environment(name: string, setup: string): Promise<void> {
  const path = here.at(`${name}.sh`);
  await writeFile(path, setup);
  await say(['env', 'set', name, '--setup', path]);
  await say(['secret', 'put', 'TOKEN', '--env', name, '--exact'], TOKEN);
}

const start = (name: string, prompt: string) =>
  codexTasks(
    ['run', '--repo', small, '--env', name, '--output', here.at(`${name}.patch`), '--json', prompt],
    {
      env,
    },
  );

async function kill(): Promise<void> {
  backend.child.kill('SIGKILL');
  await backend.ended;
}

/** What was printed by commands of the setup, or by those of the agent. */
function printedBy(events: readonly WireEvent[], by: 'setup' | 'agent'): string {
  const whose = new Map<string, string>();
  let text = '';
  for (const event of events) {
    const known = knownEvent(event);
    if (known?.code === 'item.started' && known.params.item.type === 'command')
      whose.set(known.params.item.id, known.params.item.by ?? 'agent');
    if (known?.code === 'output' && whose.get(known.params.itemId) === by) text += known.params.text;
  }
  return text;
}

function outcomesOf(events: readonly WireEvent[]): string[] {
  return events.flatMap((event) => {
    const known = knownEvent(event);
    return known?.code === 'environment.cache' ? [known.params.outcome] : [];
  });
}

/** In plain, and in every form in which it is looked for in what is shown. */
async function assertNoSecretInFiles(): Promise<void> {
  const redactor = createRedactor([{ name: 'TOKEN', id: 'one', value: TOKEN }]);
  let looked = 0;
  for (const entry of await readdir(here.dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // It may be gone by now: the backend works on.
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    assert.equal(redactor.find(bytes), null, path);
    looked += bytes.length;
  }
  assert.ok(looked > 1_000_000, 'the database was among them');
}

test('a backend that is killed during the setup joins the script when it is back', async () => {
  await environment(
    'joined',
    'echo once >> ~/count; echo "token ${#TOKEN}"; echo "$TOKEN"; sleep 8; echo ended; echo ended >> ~/count',
  );
  const run = start('joined', '$ cat ~/count; echo "[$TOKEN]"');
  await run.line(/"output".*\[secret TOKEN\]/);
  await kill();
  assert.deepEqual(
    (await driver.list()).map(({ role, running }) => [role, running]),
    [['setup', true]],
    'the script goes on alone',
  );
  await assertNoSecretInFiles();
  backend = await startBackend(backend.port);
  const { result, events, stdout } = await outcomeOf(run);
  assert.equal(result.status, 'completed', JSON.stringify(result.error));
  assert.equal(printedBy(events, 'setup'), 'token 40\n[secret TOKEN]\nended\n');
  assert.equal(printedBy(events, 'agent'), 'once\nended\n[]\n');
  assert.ok(!stdout.includes(TOKEN));
  await assertNoSecretInFiles();
});

/** Right when the script has ended, and when its files are about to be kept. */
for (const afterMs of [0, 500])
  test(`a backend that is killed ${afterMs} ms after the end of the script has what it made once`, async () => {
    const name = `ended${afterMs}`;
    await environment(name, `echo ${name} >> ~/count; mkdir -p installed; echo dep >> installed/dep`);
    const run = start(name, '$ cat ~/count installed/dep');
    await run.line(/"item\.completed".*"by":"setup"/);
    await delay(afterMs);
    await kill();
    backend = await startBackend(backend.port);
    const { result, events } = await outcomeOf(run);
    assert.equal(result.status, 'completed', JSON.stringify(result.error));
    assert.equal(printedBy(events, 'agent'), `${name}\ndep\n`);
    const next = await outcomeOf(start(name, '$ cat ~/count installed/dep'));
    assert.deepEqual(outcomesOf(next.events), ['hit']);
    assert.equal(printedBy(next.events, 'agent'), `${name}\ndep\n`);
  });

test('after a sweep nothing is left of it but what is parked and what is prepared', async () => {
  await kill();
  assert.deepEqual(
    (await driver.list()).filter(({ role }) => role === 'setup'),
    [],
  );
  const store = await openStore({ dataDir: here.dataDir });
  try {
    const prepared = new PreparedEnvironments({ store, maxBytes: Number.MAX_SAFE_INTEGER });
    const known = await prepared.snapshots();
    assert.equal(known.size, 3);
    const later = Date.now() + LATER_MS;
    await sweepPrepared(driver, { presenceOf: async () => 'idle', prepared }, later);
    assert.deepEqual(new Set((await driver.snapshots()).map(({ id }) => id)), known);
    await sweepOnce(driver, async () => 'gone');
    assert.deepEqual(await driver.list(), []);
  } finally {
    await store.close();
  }
});
