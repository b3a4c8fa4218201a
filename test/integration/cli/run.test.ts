import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { makeDemoRepository } from '../../../cli/demo/repository.ts';
import { findBackend } from '../../../client/backend-process/index.ts';
import { codexTasks, dataFolder, git, jsonLines, lineOf, temporary } from './command-line.ts';

/** The confined local process: these tests are about the client's side. */
const OWN = (dataDir: string) => ['--data', dataDir, '--sandbox', 'local', '--scripted-model'];

async function demoRepository(test: TestContext): Promise<string> {
  const repo = join(await temporary(test), 'sums');
  await makeDemoRepository(repo);
  return repo;
}

const runs = (item: string) => (line: string) => line.includes('"item.started"') && line.includes(item);

describe('codex-tasks run', () => {
  // One backend for all of them, started by the first: they also are each other's neighbours.
  let dataDir: string;
  let cleanUp: () => Promise<void>;
  before(async () => {
    dataDir = await dataFolder({ after: (fn) => void (cleanUp = fn) });
  });
  after(() => cleanUp());

  it('sends a task, prints events and the result as JSON and nothing else, and applies it', async (test) => {
    const repo = await demoRepository(test);
    const { ended } = codexTasks([
      'run',
      '--repo',
      repo,
      ...OWN(dataDir),
      '--json',
      '--apply',
      'The tests fail',
    ]);
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 0, stderr);
    const { events, result } = jsonLines(stdout);
    assert.deepEqual(
      events.map((event) => event.seq),
      events.map((_, index) => index + 1),
    );
    assert.equal(events[0]?.code, 'task.created');
    assert.ok(events.some((event) => event.code === 'turn.finished'));
    assert.equal(result.status, 'completed');
    assert.equal(result.patch?.files, 2);
    const patch = await readFile(result.patch?.path ?? '');
    assert.equal(patch.length, result.patch?.bytes);
    assert.match(git(repo, 'status', '--porcelain'), /^M src\/sum\.mjs|\?\? assets/m);
    assert.match(await readFile(join(repo, 'src/sum.mjs'), 'utf8'), /total \+= number;/);
  });

  it('speaks to a person with progress, the log, the answer and what changed', async (test) => {
    const repo = await demoRepository(test);
    const { ended } = codexTasks(['run', '--repo', repo, ...OWN(dataDir), 'The tests fail']);
    const { code, stdout } = await ended;
    assert.equal(code, 0);
    for (const words of [
      '▸ Agent',
      '  $ npm test',
      '│ ',
      'A assets/logo.png  binary',
      '✓ Completed',
      'Patch: ',
    ]) {
      assert.ok(stdout.includes(words), words);
    }
    assert.doesNotMatch(stdout, /\u001b\[/);
    assert.equal(git(repo, 'status', '--porcelain'), '');
  });

  it('sends what is not committed only when asked to', async (test) => {
    const repo = await demoRepository(test);
    await writeFile(join(repo, 'new.txt'), 'not committed\n');
    const prompt = '$ cat new.txt';
    const without = await codexTasks(['run', '--repo', repo, ...OWN(dataDir), '--json', prompt]).ended;
    assert.doesNotMatch(without.stdout, /not committed/);
    const withLocal = await codexTasks([
      'run',
      '--repo',
      repo,
      ...OWN(dataDir),
      '--json',
      '--include-local',
      prompt,
    ]).ended;
    assert.match(withLocal.stdout, /not committed/);
  });

  it('starts from the ref that is named', async (test) => {
    const repo = await demoRepository(test);
    git(repo, 'tag', 'before');
    await writeFile(join(repo, 'later.txt'), 'x');
    git(repo, 'add', '.');
    git(repo, 'commit', '-qm', 'later');
    const ended = await codexTasks([
      'run',
      '--repo',
      repo,
      ...OWN(dataDir),
      '--json',
      '--ref',
      'before',
      '$ ls',
    ]).ended;
    assert.equal(ended.code, 0, ended.stderr);
    assert.doesNotMatch(ended.stdout, /later\.txt/);
    const unknown = await codexTasks([
      'run',
      '--repo',
      repo,
      ...OWN(dataDir),
      '--json',
      '--ref',
      'nowhere',
      '$ ls',
    ]).ended;
    assert.equal(unknown.code, 1);
  });

  it('goes on from its last event when the backend is killed in the middle of a command', async (test) => {
    const repo = await demoRepository(test);
    const running = codexTasks([
      'run',
      '--repo',
      repo,
      ...OWN(dataDir),
      '--json',
      '$ echo once >> count; sleep 3; cat count',
    ]);
    await lineOf(running, runs('sleep 3'));
    const first = await findBackend(dataDir);
    assert.ok(first);
    process.kill(first.pid, 'SIGKILL');
    const { code, stdout, stderr } = await running.ended;
    assert.equal(code, 0, stderr + stdout);
    const { events, result } = jsonLines(stdout);
    assert.deepEqual(
      events.map((event) => event.seq),
      events.map((_, index) => index + 1),
    );
    assert.equal(result.status, 'completed');
    const second = await findBackend(dataDir);
    assert.notEqual(second?.pid, first.pid);
    const output = events
      .filter((event) => event.code === 'output')
      .map((event) => event.params['text'])
      .join('');
    assert.equal(output, 'once\n');
  });

  it('Ctrl-C cancels the task and exits with 130', async (test) => {
    const repo = await demoRepository(test);
    const running = codexTasks(['run', '--repo', repo, ...OWN(dataDir), '--json', '$ sleep 600']);
    await lineOf(running, runs('sleep 600'));
    running.child.kill('SIGINT');
    const { code, stdout } = await running.ended;
    assert.equal(code, 130);
    assert.equal(jsonLines(stdout).result.status, 'cancelled');
  });
});

describe('what run refuses', () => {
  const failsWith = async (args: string[], code: string, env: Record<string, string> = {}) => {
    const ended = await codexTasks(['run', '--json', ...args], env).ended;
    assert.equal(ended.code, 1, ended.stderr);
    const { events, result } = jsonLines(ended.stdout);
    assert.deepEqual([events.length, result.status, result.error?.code], [0, 'failed', code]);
  };

  it('a bad command line, with a sentence and exit code 2', async () => {
    for (const [args, words] of [
      [['run'], /prompt is missing/],
      [['run', '--attempts', '5', 'x'], /from 1 to 4/],
      [['run', '--choose', '2', 'x'], /--attempts/],
      [['run', '--env', 'no such name', 'x'], /environment’s name/],
      [['run', '--nonsense', 'x'], /--nonsense/],
      [['nonsense'], /no command “nonsense”/],
      [['serve', '--port', '70000'], /from 0 to 65535/],
      [['serve', '--host', '0.0.0.0'], /--behind-proxy/],
    ] as const) {
      const { code, stdout, stderr } = await codexTasks([...args]).ended;
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, words);
    }
  });

  it('a folder that is none, is in no repository, or has no commit yet', async (test) => {
    const folder = await temporary(test);
    await failsWith(['--repo', join(folder, 'none'), 'x'], 'folderMissing');
    await failsWith(['--repo', folder, 'x'], 'notGit');
    const empty = join(folder, 'empty');
    await mkdir(empty);
    git(empty, 'init', '-q');
    await failsWith(['--repo', empty, 'x'], 'noCommits');
    await failsWith(['--repo', join(empty, '.git'), 'x'], 'noWorkTree');
  });

  it('a task without a model, saying what to do', async (test) => {
    const dataDir = await dataFolder(test);
    const repo = await demoRepository(test);
    await failsWith(['--repo', repo, '--data', dataDir, '--sandbox', 'local', 'x'], 'modelNotConfigured');
    const human = await codexTasks(['run', '--repo', repo, '--data', dataDir, '--sandbox', 'local', 'x'])
      .ended;
    assert.match(human.stdout, /OPENAI_API_KEY/);
  });

  it('a wrong token, and none', async (test) => {
    const dataDir = await dataFolder(test);
    const repo = await demoRepository(test);
    const serve = codexTasks([
      'serve',
      '--port',
      '0',
      '--data',
      dataDir,
      '--scripted-model',
      '--sandbox',
      'local',
    ]);
    const url = /http:\S+/.exec(await lineOf(serve, (line) => line.includes('listens on')))?.[0] ?? '';
    const wrong = { CODEX_SERVER_URL: url, CODEX_SERVER_TOKEN: 'wrong-wrong-wrong-wrong' };
    await failsWith(['--repo', repo, 'x'], 'unauthorized', wrong);
    const none = await codexTasks(['run', '--repo', repo, 'x'], { CODEX_SERVER_URL: url }).ended;
    assert.equal(none.code, 2);
    assert.match(none.stderr, /CODEX_SERVER_TOKEN/);
    const right = {
      CODEX_SERVER_URL: url,
      CODEX_SERVER_TOKEN: (await readFile(join(dataDir, 'token'), 'utf8')).trim(),
    };
    const good = await codexTasks(['run', '--repo', repo, '--json', '--mode', 'ask', 'what is this'], right)
      .ended;
    assert.equal(good.code, 0, good.stderr);
    serve.child.kill('SIGTERM');
    assert.equal((await serve.ended).code, 0);
    assert.equal(await findBackend(dataDir), null);
  });
});

describe('codex-tasks serve', () => {
  it('refuses a port that is taken and a data folder that is in use, naming what to do', async (test) => {
    const dataDir = await dataFolder(test);
    const serve = codexTasks([
      'serve',
      '--port',
      '0',
      '--data',
      dataDir,
      '--scripted-model',
      '--sandbox',
      'local',
    ]);
    const line = await lineOf(serve, (text) => text.includes('listens on'));
    const port = /:(\d+)$/.exec(line)?.[1] ?? '';
    const other = await dataFolder(test);
    const taken = await codexTasks(['serve', '--port', port, '--data', other, '--sandbox', 'local']).ended;
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, new RegExp(`Port ${port} is in use`));
    const busy = await codexTasks(['serve', '--port', '0', '--data', dataDir, '--sandbox', 'local']).ended;
    assert.equal(busy.code, 75);
    assert.match(busy.stderr, /Another backend.*already works on/);
    serve.child.kill('SIGTERM');
    assert.equal((await serve.ended).code, 0);
  });

  it('warns of a token on the command line, and refuses one that can be guessed', async (test) => {
    const dataDir = await dataFolder(test);
    const short = await codexTasks(['serve', '--data', dataDir, '--token', 'short']).ended;
    assert.equal(short.code, 2);
    assert.match(short.stderr, /list of processes[\s\S]*at least 16/);
  });
});
