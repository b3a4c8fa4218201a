/** `codex-tasks env` against a real gateway: every field set, shown, edited, tried; and files without one. */
import assert from 'node:assert/strict';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { StoredEnvironment } from '../../../protocol/environment.ts';
import type { Backend } from '../../../server/backend.ts';
import { openRepos } from '../../../server/repos/store.ts';
import type { TurnContext } from '../../../server/tasks/turn-context.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import { backend, TOKEN } from '../gateway/harness.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { codexTasks, type Ended, jsonLines, temporary } from './command-line.ts';

let running: Backend;
let folder: string;
/** Of every turn. */
const turns: Pick<TurnContext, 'task' | 'onlySetup' | 'mode'>[] = [];
before(async () => {
  folder = temporaryFolder('codex-env');
  running = await backend({
    repos: await openRepos({ dataDir: folder }),
    runTurn: async (turn) => {
      turns.push(turn);
      await turn.setState('running');
      await turn.finish({ answer: turn.onlySetup ? 'only the setup' : 'a whole turn', usage: NO_USAGE });
    },
  });
});
after(async () => {
  await running.close();
  removeFolder(folder);
});

function there(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return codexTasks(['env', ...args], {
    CODEX_SERVER_URL: running.url,
    CODEX_SERVER_TOKEN: TOKEN,
    ...env,
  }).ended;
}

async function shown(name: string): Promise<StoredEnvironment> {
  const { code, stdout, stderr } = await there(['show', name, '--json']);
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as { environment: StoredEnvironment }).environment;
}

test('fields are set piece by piece, a script comes from a file, and all of it is shown', async (t) => {
  const folder = await temporary(t);
  await writeFile(join(folder, 'setup.sh'), 'npm ci\nnpm run build\n');
  const first = await there([
    'set',
    'web',
    '--image',
    'universal',
    '--version',
    'node=22',
    '--var',
    'A=1',
    '--setup',
    join(folder, 'setup.sh'),
    '--no-maintenance',
    '--memory',
    '2g',
    '--cache',
    '1h',
  ]);
  assert.equal(first.code, 0, first.stderr);
  const second = await there(['set', 'web', '--var', 'B=2', '--cpus', '1.5', '--internet', 'common']);
  assert.equal(second.code, 0, second.stderr);
  const { updatedAt: _at, updatedBy, internet, ...fields } = await shown('web');
  assert.deepEqual([internet.agent.preset, updatedBy, _at > 0], ['common', 'owner', true]);
  assert.deepEqual(fields, {
    name: 'web',
    image: 'universal',
    versions: { node: '22' },
    variables: { A: '1', B: '2' },
    setup: 'npm ci\nnpm run build\n',
    maintenance: '',
    resources: { memoryBytes: 2 * 1024 ** 3, cpus: 1.5 },
    cacheMs: 3_600_000,
  });
  const { stdout } = await there(['show', 'web']);
  for (const line of ['Image: universal', 'Variables: A=1, B=2', '| npm run build', 'Memory: 2 GiB'])
    assert.ok(stdout.includes(line), `${line}\n${stdout}`);
});

test('what can’t be is refused with one sentence, and nothing is stored', async () => {
  const cases: [string[], number, RegExp][] = [
    [['set', 'bad', '--memory', '8'], 2, /--memory is a size with its unit/],
    [['set', 'bad', '--setup', '/nonexistent/setup.sh'], 2, /can’t be read/],
    [['set', 'bad', '--image', 'Ubuntu'], 1, /can’t be kept like this: image is no image/],
    [['set', 'bad', '--var', 'PATH=/x'], 1, /variables\.PATH is set by Codex itself/],
    [['set', 'bad', '--workdir', '../x'], 1, /workdir must not leave the repository/],
  ];
  for (const [args, code, words] of cases) {
    const ended = await there(args);
    assert.deepEqual([ended.code, ended.stdout], [code, ''], ended.stderr);
    assert.match(ended.stderr, words);
    assert.doesNotMatch(ended.stderr, /ZodError|at file:/);
  }
  assert.equal((await there(['show', 'bad'])).code, 1);
});

test('an editor changes it; a text that can’t be stored is kept', async (t) => {
  const folder = await temporary(t);
  const editor = async (name: string, body: string) => {
    await writeFile(join(folder, name), `#!/bin/sh\n${body}\n`);
    await chmod(join(folder, name), 0o755);
    return { VISUAL: join(folder, name) };
  };
  const good = await there(['edit', 'edited'], await editor('good', 'echo "image: universal" >> "$1"'));
  assert.equal(good.code, 0, good.stderr);
  assert.equal((await shown('edited')).image, 'universal');
  const bad = await there(['edit', 'edited'], await editor('bad', 'echo "imgae: x" >> "$1"'));
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /Your text is kept: .*edited\.yaml/);
  assert.match(bad.stderr, /imgae is not known here/);
  const same = await there(['edit', 'edited'], await editor('same', 'true'));
  assert.equal(same.stdout, 'Nothing changed: edited\n');
  assert.equal((await there(['edit', 'edited'], await editor('quit', 'exit 3'))).code, 2);
  assert.equal((await there(['edit', 'edited'], { VISUAL: '', EDITOR: '' })).code, 2);
});

test('an environment is tried with a folder’s commit, and followed to its end', async (t) => {
  const repo = await temporary(t);
  initRepository(repo);
  write(repo, 'a', 'a');
  const main = commitAll(repo);
  git(repo, ['switch', '-q', '-c', 'topic']);
  write(repo, 'b', 'b');
  const topic = commitAll(repo);
  await there(['set', 'tried', '--no-setup']);
  const { code, stdout, stderr } = await there(['test', 'tried', '--repo', repo]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /only the setup/);
  const turn = turns.at(-1);
  assert.deepEqual(
    [turn?.onlySetup, turn?.mode, turn?.task.title, turn?.task.environment],
    [true, 'ask', 'Setup of tried', 'tried'],
  );
  const { sha, defaultSha, branch } = turn?.task.repo ?? {};
  assert.deepEqual([sha, defaultSha, branch], [topic, main, 'topic']);

  const json = await there(['test', 'tried', '--repo', repo, '--json']);
  assert.equal(jsonLines(json.stdout).result.answer, 'only the setup');
  const unknown = await there(['test', 'nope', '--repo', repo]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stdout + unknown.stderr, /There is no environment “nope”/);
});

test('what was prepared is forgotten', async () => {
  const { code, stdout } = await there(['reset-cache', 'default']);
  assert.deepEqual([code, stdout], [0, 'Nothing was prepared. The next task sets up anyway.\n']);
  assert.equal((await there(['reset-cache', 'nope'])).code, 1);
});

test('a file is checked without a backend, with the line of what is wrong', async (t) => {
  const folder = await temporary(t);
  const check = () => codexTasks(['env', 'check', folder]).ended;
  const none = await check();
  assert.equal(none.code, 1);
  assert.match(none.stderr, /there is no \.codex\/environment\.yaml in /);

  await mkdir(join(folder, '.codex'));
  const path = join(folder, '.codex', 'environment.yaml');
  await writeFile(path, 'version: 1\nversions: { python: 3.10 }\nsetup: |\n  pip install .\n');
  const fine = await check();
  assert.equal(fine.code, 0, fine.stderr);
  assert.match(
    fine.stdout,
    /can be read\.\n {2}Versions: python 3\.10\n {2}Setup script:\n {4}\| pip install \./,
  );

  await writeFile(path, 'image: base\ninternet: on\n');
  const wrong = await check();
  assert.equal(wrong.code, 1);
  assert.match(
    wrong.stderr,
    /environment\.yaml, line 2: internet is set in the backend, not in the repository/,
  );

  const linked = await temporary(t);
  await symlink(join(folder, '.codex'), join(linked, '.codex'));
  const link = await codexTasks(['env', 'check', linked]).ended;
  assert.equal(link.code, 1);
  assert.match(link.stderr, /symbolic link/);
});
