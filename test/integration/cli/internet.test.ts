import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findBackend } from '../../../client/backend-process/index.ts';
import { RISK_WORDS } from '../../../client/words/index.ts';
import { EgressEntry, type StoredEnvironment } from '../../../protocol/environment.ts';
import { PATHS } from '../../../protocol/http.ts';
import type { Backend } from '../../../server/backend.ts';
import { answerAtOnce, backend, client, finished, taskRequest, TOKEN } from '../gateway/harness.ts';
import { codexTasks, dataFolder, type Ended } from './command-line.ts';

/** One whose log of the internet has two pages. */
const ENTRIES = 700;
let running: Backend;
let taskId = '';
before(async () => {
  running = await backend({
    runTurn: async (turn, { egressLog }) => {
      for (let at = 0; at < ENTRIES; at++) {
        egressLog.append({
          taskId: turn.task.id,
          turn: turn.turn,
          attempt: 1,
          at: Date.now(),
          phase: 'agent',
          host: `h${at}.example`,
          port: 443,
          method: 'CONNECT',
          verdict: 'denied',
          reason: 'notAllowed',
          address: null,
          bytesIn: 0,
          bytesOut: 0,
          durationMs: 1,
        });
      }
      await answerAtOnce(turn);
    },
  });
  const one = await client(running.url);
  ({ id: taskId } = (await one.call('task.create', taskRequest())).task);
  await one.call('task.subscribe', { taskId, after: 0 });
  await one.event(finished);
  one.close();
});
after(() => running.close());

function there(...args: string[]): Promise<Ended> {
  return codexTasks(args, { CODEX_SERVER_URL: running.url, CODEX_SERVER_TOKEN: TOKEN }).ended;
}

async function shown(...args: string[]): Promise<StoredEnvironment> {
  const { code, stdout, stderr } = await there('env', ...args, '--json');
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as { environment: StoredEnvironment }).environment;
}

test('an environment is made, changed piece by piece, listed and deleted', async () => {
  const made = await there('env', 'set', 'web', '--internet', 'common', '--allow', 'a.example');
  assert.equal(made.code, 0);
  for (const sentence of RISK_WORDS) assert.ok(made.stderr.includes(sentence), 'the risks are said');
  assert.doesNotMatch(made.stdout, /Warning/);
  const quiet = await there('env', 'set', 'web', '--methods', 'read', '--deny', 'b.example');
  assert.equal(quiet.stderr, '', 'nothing more was opened');
  assert.deepEqual((await shown('show', 'web')).internet.agent, {
    access: 'on',
    preset: 'common',
    allow: ['a.example'],
    deny: ['b.example'],
    methods: 'read',
  });
  assert.match((await there('env', 'list')).stdout, /^default {2}.*off\nweb {2}.*limited/);
  assert.equal((await there('env', 'delete', 'web')).code, 0);
  const gone = await there('env', 'show', 'web');
  assert.deepEqual([gone.code, gone.stdout], [1, '']);
  assert.match(gone.stderr, /There is no environment “web”/);
});

test('an entry that is no rule is refused with what is wrong with it', async () => {
  const { code, stderr } = await there('env', 'set', 'default', '--internet', 'none', '--allow', 'co.uk');
  assert.equal(code, 1);
  assert.match(stderr, /“co\.uk” is a public suffix/);
  assert.doesNotMatch(stderr, /Warning/);
  assert.equal((await shown('show', 'default')).internet.agent.access, 'off');
});

test('the egress log is a table for a person and JSON lines for a program, the same as the export', async () => {
  const table = await there('egress', taskId);
  assert.equal(table.code, 0, table.stderr);
  const lines = table.stdout.trimEnd().split('\n');
  assert.equal(lines.length, ENTRIES + 1);
  assert.match(lines[1] ?? '', /^\d\d:\d\d:\d\d\.\d{3} {2}Agent .*refused .*CONNECT .*h0\.example:443/);
  const { stdout } = await there('egress', taskId, '--json');
  const entries = stdout
    .trimEnd()
    .split('\n')
    .map((line) => EgressEntry.parse(JSON.parse(line)));
  assert.equal(entries.at(-1)?.host, `h${ENTRIES - 1}.example`);
  const headers = { authorization: `Bearer ${TOKEN}` };
  assert.equal(stdout, await (await fetch(`${running.url}${PATHS.egress(taskId)}`, { headers })).text());
  assert.equal((await there('egress', 'zzzzzzzzzz')).code, 1);
});

test('a backend that was started to be asked is stopped after it', async (test) => {
  const dataDir = await dataFolder({ after: (fn) => test.after(fn) });
  const { code, stdout, stderr } = await codexTasks(['env', 'list', '--data', dataDir]).ended;
  assert.deepEqual([code, stdout], [0, 'default  Internet access: off\n'], stderr);
  assert.equal(await findBackend(dataDir), null);
});
