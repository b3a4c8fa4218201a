/** `run --attempts` and `choose`, as a person has them. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { makeDemoRepository } from '../../../cli/demo/repository.ts';
import type { WireEvent } from '../../../protocol/events.ts';
import { findBackend } from '../../../client/backend-process/index.ts';
import { codexTasks, dataFolder, git, jsonLines, temporary } from './command-line.ts';

const SCRIPT = String.raw`turns:
  - when: {attempt: 1}
    steps: [{run: 'echo one > one.txt'}, {say: "From the first.\nAnd more."}]
  - when: {attempt: 2}
    steps: [{run: 'echo two > two.txt'}, {say: 'From the second.'}]
`;

test('attempts are run side by side, shown so, and the chosen one is applied', async (t) => {
  const dataDir = await dataFolder(t);
  const folder = await temporary(t);
  const repo = join(folder, 'sums');
  await makeDemoRepository(repo);
  const script = join(folder, 'script.yaml');
  await writeFile(script, SCRIPT);
  const own = ['--data', dataDir, '--sandbox', 'local', `--scripted-model=${script}`];
  const run = ['run', '--repo', repo, ...own, '--attempts', '2'];

  const blind = await codexTasks([...run, '--apply', 'x']).ended;
  assert.equal(blind.code, 2);
  assert.match(blind.stderr, /--apply with several attempts needs to know which one: add --choose N/);

  const chosen = await codexTasks([...run, '--json', '--apply', '--choose', '2', 'x']).ended;
  assert.equal(chosen.code, 0, chosen.stderr);
  const { result } = jsonLines(chosen.stdout);
  assert.equal(result.attempts, 2);
  assert.equal(result.chosenAttempt, 2);
  assert.equal(result.answer, 'From the second.');
  assert.deepEqual(
    result.attemptResults?.map(({ attempt, status, patch }) => [attempt, status, patch?.files]),
    [
      [1, 'completed', 1],
      [2, 'completed', 1],
    ],
  );
  assert.match(await readFile(result.attemptResults?.[0]?.patch?.path ?? '', 'utf8'), /\+one/);
  assert.match(await readFile(result.patch?.path ?? '', 'utf8'), /\+two/);
  assert.equal(git(repo, 'status', '--porcelain'), '?? two.txt');

  const open = await codexTasks([...run, 'x']).ended;
  assert.equal(open.code, 0, open.stderr);
  assert.match(open.stdout, /^\[1\] {3}\$ echo one > one\.txt$/m);
  assert.match(open.stdout, /^\[2\] {3}\$ echo two > two\.txt$/m);
  assert.match(open.stdout, /^\[2\] Attempt 2 completed /m);
  assert.match(open.stdout, /^Attempts\n {2}1 {2}completed {2}1 file \+1 −0 .* tokens {2}From the first\.$/m);
  assert.match(open.stdout, /^ {2}2 {2}completed .* From the second\.$/m);
  const taskId = /codex-tasks choose (\S+) N/.exec(open.stdout)?.[1] ?? '';

  const choose = (...args: string[]) => codexTasks(['choose', '--data', dataDir, ...args]).ended;
  assert.match((await choose(taskId)).stdout, /^ {2}1 {2}completed .*\n {2}2 {2}completed /m);
  const none = await choose(taskId, '3');
  assert.equal(none.code, 1);
  assert.match(none.stderr, /Attempt 3 has no result that could be chosen/);
  const first = await choose('--apply', '--repo', repo, taskId, '1');
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^Attempt 1 is chosen\.\nPatch: .*-1-1\.patch\nApplied 1 file in /);
  assert.match(git(repo, 'status', '--porcelain'), /\?\? one\.txt/);
  assert.match((await choose(taskId)).stdout, /^▸ 1 {2}completed /m);
});

test('a backend that is killed comes back for the attempts that had not ended, and for these alone', async (t) => {
  const dataDir = await dataFolder(t);
  const folder = await temporary(t);
  const repo = join(folder, 'sums');
  await makeDemoRepository(repo);
  const script = join(folder, 'script.yaml');
  await writeFile(
    script,
    `turns:
  - when: {attempt: 1}
    steps: [{run: 'echo one > one.txt'}, {say: 'Quick.'}]
  - steps: [{run: 'echo ran >> two.txt; echo running; sleep 600'}, {say: 'Slow.'}]
`,
  );
  const own = ['--data', dataDir, '--sandbox', 'local', `--scripted-model=${script}`];
  const { child, ended } = codexTasks(['run', '--repo', repo, ...own, '--attempts', '2', '--json', 'x']);
  const seen: WireEvent[] = [];
  let look = () => {};
  const is = (attempt: number, code: string, times = 1) =>
    seen.filter((event) => event.attempt === attempt && event.code === code).length >= times;
  const until = (fits: () => boolean) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (fits()) resolve();
      };
      look();
    });
  createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => {
    seen.push(JSON.parse(line) as WireEvent);
    look();
  });
  const gone = ended.then((end) => assert.fail(`it ended: ${end.stderr} ${end.stdout}`));
  gone.catch(() => undefined);
  await Promise.race([gone, until(() => is(1, 'attempt.finished') && is(2, 'output'))]);
  const backend = await findBackend(dataDir);
  assert.ok(backend);
  process.kill(backend.pid, 'SIGKILL');
  await Promise.race([gone, until(() => is(2, 'sandbox.started', 2))]);
  child.kill('SIGINT');
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 130, stderr);
  const { events, result } = jsonLines(stdout);
  assert.deepEqual(
    events.map((event) => event.seq),
    events.map((_, index) => index + 1),
  );
  assert.deepEqual(
    result.attemptResults?.map(({ attempt, status, patch }) => [attempt, status, patch?.added]),
    [
      [1, 'completed', 1],
      [2, 'cancelled', 1],
    ],
    'the command ran once',
  );
  assert.equal(events.filter((event) => event.attempt === 1 && event.code === 'sandbox.started').length, 1);
  assert.equal(events.filter((event) => event.code === 'attempt.finished').length, 2);
});
