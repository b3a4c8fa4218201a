/**
 * Environments that are made to go wrong, over the command line and a real backend in Docker: images,
 * scripts, variables, secrets and repositories. Each ends in a sentence that says what to do, or as if
 * nothing had been, and leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import Docker from 'dockerode';
import { createDriver } from '../../server/sandbox/index.ts';
import { git } from '../support/git.ts';
import { assertSentence, atEnd, codexTasks, outcomeOf, place, repository, serve } from './harness.ts';
import type { Outcome } from './harness.ts';

/** Where every commit is checked there is less time; all of them run by hand and at night. */
const MANY_FILES = process.env.CI ? 30_000 : 100_000;

const here = place();
const driver = createDriver({ kind: 'docker', dataDir: here.dataDir });
atEnd(async () => {
  for (const { name } of await driver.list()) await driver.remove(name);
  for (const { id } of await driver.snapshots()) await driver.removeSnapshot(id);
});
const server = await serve(here, ['--port', '0', '--sandbox', 'docker', '--scripted-model'], {
  CODEX_SANDBOX_DISK_BYTES: String(64 * 1024 * 1024),
  CODEX_SETUP_TIMEOUT_MS: '20000',
  CODEX_COMMAND_OUTPUT_BYTES: '1000000',
});
const env = { CODEX_SERVER_URL: server.url, CODEX_SERVER_TOKEN: server.token };

async function say(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await codexTasks(args, { env }).ended;
  assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** An environment of this name with this setup, and more options of `env set`. */
async function environment(name: string, setup: string | null, ...more: string[]): Promise<void> {
  const path = here.at(`${name}.sh`);
  if (setup !== null) writeFileSync(path, setup);
  await say('env', 'set', name, ...(setup === null ? ['--no-setup'] : ['--setup', path]), ...more);
}

async function putSecret(environment: string, name: string, value: string | Buffer) {
  return codexTasks(['secret', 'put', name, '--env', environment, '--exact'], { env, input: value }).ended;
}

const start = (repo: string, name: string, ...args: string[]) =>
  codexTasks(['run', '--repo', repo, '--env', name, '--output', here.at(`${name}.patch`), ...args], { env });
const run = (repo: string, name: string, prompt: string): Promise<Outcome> =>
  outcomeOf(start(repo, name, '--json', prompt));

const small = await repository(here.at('small'), { '.gitignore': 'installed/\n' });

describe('images', { concurrency: 2 }, () => {
  test('one that is not there is named, with what to do', async () => {
    await environment('missing', null, '--image', 'codex-tasks-test/not-there:1');
    const { code, stdout } = await start(small, 'missing', '$ true').ended;
    assert.equal(code, 1, stdout);
    assertSentence(stdout, /codex-tasks-test\/not-there:1/);
  });

  for (const [name, change, says] of [['without-bash', ['--change', 'ENV A=1'], /bash|\/bin\/sh/]] as const) {
    test(`one that is ${name} is refused with what is wrong with it`, async () => {
      const image = `codex-tasks-test/${name}:${process.pid}`;
      const tar = spawnSync('tar', ['-c', '-C', here.folder, 'small/a.txt']).stdout;
      const made = spawnSync('docker', ['import', ...change, '-', image], { input: tar });
      assert.equal(made.status, 0, made.stderr.toString());
      try {
        await environment(name, null, '--image', image);
        const { code, stdout } = await start(small, name, '$ true').ended;
        assert.equal(code, 1, stdout);
        assertSentence(stdout, says);
      } finally {
        await new Docker().getImage(image).remove({ force: true });
      }
    });
  }
});

describe('scripts', { concurrency: 3 }, () => {
  test('one that fails is told with its line, its exit code and what to try', async () => {
    await environment('failing', 'echo before\nno-such-tool --install\necho after\n');
    const { code, stdout } = await start(small, 'failing', '$ true').ended;
    assert.equal(code, 1, stdout);
    assertSentence(stdout, /line 2/);
    assert.match(stdout, /no-such-tool/);
    assert.match(stdout, /127/);
  });

  test('one that hangs ends at its limit, and a daemon of its own with it', async () => {
    await environment('hanging', '(setsid sleep 4711 &)\nsleep 4711\n', '--setup-timeout', '2s');
    const { code, stdout } = await start(small, 'hanging', '$ true').ended;
    assert.equal(code, 1, stdout);
    assertSentence(stdout, /time limit|within|took longer/i);
  });

  test('a daemon that it leaves behind is gone before the agent comes', async () => {
    await environment('daemon', '(setsid sleep 4712 >/dev/null 2>&1 &)\nmkdir installed\n');
    const { result, output } = await run(small, 'daemon', '$ pgrep -c sleep; ls -d installed');
    assert.equal(result.status, 'completed', JSON.stringify(result.error));
    assert.match(output, /0\ninstalled\n$/);
  });

  test('one that fills the disk ends in a sentence, and the next task is not hurt', async () => {
    await environment('filling', 'head -c 2000000000 /dev/zero > ~/ballast; sleep 30\n');
    const { code, stdout } = await start(small, 'filling', '$ true').ended;
    assert.equal(code, 1, stdout);
    assertSentence(stdout, /disk/i);
    await environment('filling', 'true\n');
    assert.equal((await run(small, 'filling', '$ echo fine')).output, 'fine\n');
  });

  test('one that deletes the repository harms itself alone', async () => {
    await environment('deleting', 'rm -rf "$PWD"/.git "$PWD"/* || true\n');
    const { output } = await run(small, 'deleting', '$ cat a.txt; git status --short');
    assert.equal(output, 'one\n');
  });

  test('a gigabyte and bytes that are no text are cut with a word', async () => {
    await environment(
      'loud',
      'head -c 1000000000 /dev/urandom; yes | head -c 1000000; printf "\\377\\376"\n',
    );
    const { result, events, output } = await run(small, 'loud', '$ echo fine');
    assert.equal(result.status, 'completed', JSON.stringify(result.error));
    assert.ok(events.some(({ params }) => params['limit'] === 'commandOutputBytes'));
    assert.match(output, /fine\n$/);
    assert.ok(Buffer.byteLength(output) < 8_000_000);
  });
});

describe('variables and secrets', { concurrency: 2 }, () => {
  test('names that are none or ours are refused, and nothing is stored', async () => {
    for (const [name, says] of [
      ['1A=x', /1A/],
      ['A-B=x', /A-B/],
      ['PATH=/x', /set by Codex itself/],
      ['HTTP_PROXY=x', /set by Codex itself/],
      ['LD_PRELOAD=x', /LD_PRELOAD/],
    ] as const) {
      const { code, stderr } = await codexTasks(['env', 'set', 'names', '--var', name], { env }).ended;
      assert.notEqual(code, 0, name);
      assertSentence(stderr, says);
    }
    assert.equal((await codexTasks(['env', 'show', 'names'], { env }).ended).code, 1);
  });

  test('a secret of a byte is refused; 64 KB, line feeds and quotes arrive whole and are seen by nobody', async () => {
    await environment(
      'secrets',
      'for name in MANY TEXT; do printf %s "${!name}" | sha256sum; done; printf "%s\\n" "$TEXT" "$MANY"\n',
    );
    const tiny = await putSecret('secrets', 'TINY', 'x');
    assert.notEqual(tiny.code, 0);
    assertSentence(tiny.stderr, /8/);
    const huge = await putSecret('secrets', 'HUGE', 'x'.repeat(64 * 1024 + 1));
    assert.notEqual(huge.code, 0);
    assertSentence(huge.stderr, /more than the 65536 bytes/);
    const many = randomBytes(32 * 1024)
      .toString('hex')
      .slice(0, 64 * 1024 - 8);
    const lines = 'first "line" of it\n\'second\' $line `x`\n\\third\\n';
    assert.equal((await putSecret('secrets', 'MANY', many)).code, 0);
    assert.equal((await putSecret('secrets', 'TEXT', lines)).code, 0);
    const { result, output, stdout } = await run(small, 'secrets', '$ env | grep -c -e ^MANY= -e ^TEXT=');
    assert.equal(result.status, 'completed', JSON.stringify(result.error));
    const { createHash } = await import('node:crypto');
    for (const value of [many, lines])
      assert.ok(output.includes(createHash('sha256').update(value).digest('hex')), 'it arrived whole');
    assert.match(output, /\n0\n$/);
    assert.ok(!stdout.includes(many.slice(0, 40)) && !stdout.includes('second'), 'nobody sees it');
  });
});

describe('repositories', { concurrency: 2 }, () => {
  test('a branch, a tag, a short id, names with slashes and of any script; one that was moved by force', async () => {
    await environment('refs', 'git rev-parse HEAD > ~/at; mkdir -p installed\n');
    const repo = await repository(here.at('refs'), { '.gitignore': 'installed/\n' });
    git(repo, ['checkout', '-q', '-b', 'zweig/日本-ü']);
    git(repo, ['commit', '-q', '--allow-empty', '-m', 'second']);
    git(repo, ['tag', 'v1/ü']);
    const second = git(repo, ['rev-parse', 'HEAD']);
    git(repo, ['checkout', '-q', 'main']);
    const at = async (ref: string): Promise<string> =>
      (await outcomeOf(start(repo, 'refs', '--json', `--ref=${ref}`, '$ git rev-parse HEAD'))).output.trim();
    for (const ref of ['zweig/日本-ü', 'v1/ü', second.slice(0, 8)])
      assert.match(await at(ref), new RegExp(`${second}$`), ref);
    const unknown = await start(repo, 'refs', '--ref=nowhere/ü', '$ true').ended;
    assert.equal(unknown.code, 1);
    assertSentence(unknown.stdout, /There is no branch, tag or commit “nowhere\/ü”/);
    git(repo, ['commit', '-q', '--amend', '--allow-empty', '-m', 'another first']);
    const moved = git(repo, ['rev-parse', 'HEAD']);
    assert.match(await at('main'), new RegExp(`${moved}$`));
  });

  test('an empty one is refused with what to do', async () => {
    const empty = here.at('empty');
    mkdirSync(empty);
    git(empty, ['init', '-q', '-b', 'main']);
    const { code, stdout, stderr } = await start(empty, 'refs', '$ true').ended;
    assert.equal(code, 1);
    assertSentence(stdout + stderr, /commit|nothing/i);
  });

  test('LFS pointers, hooks, a hostile configuration and links out of the tree are files, and run nowhere', async () => {
    await environment('hostile', 'ls -la > ~/list; mkdir -p installed\n');
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 5\n`;
    const repo = await repository(here.at('hostile'), {
      '.gitignore': 'installed/\n',
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      'big.bin': pointer,
      'hooks/post-checkout': `#!/bin/sh\ntouch ${here.at('hook-ran')}\n`,
    });
    symlinkSync('/etc/passwd', `${repo}/out`);
    symlinkSync('../../..', `${repo}/up`);
    git(repo, ['add', '-A']);
    git(repo, ['commit', '-q', '-m', 'links']);
    git(repo, ['config', 'core.hooksPath', 'hooks']);
    git(repo, ['config', 'core.fsmonitor', `touch ${here.at('monitor-ran')} #`]);
    git(repo, ['config', 'filter.lfs.smudge', `sh -c 'touch ${here.at('smudge-ran')}; cat'`]);
    const { result, output } = await run(
      repo,
      'hostile',
      '$ readlink out up; cat big.bin | head -1; git config --get core.hooksPath; echo x > new.txt',
    );
    assert.equal(result.status, 'completed', JSON.stringify(result.error));
    assert.equal(output, '/etc/passwd\n../../..\nversion https://git-lfs.github.com/spec/v1\n');
    assert.equal(result.patch?.files, 1);
    for (const what of ['hook-ran', 'monitor-ran', 'smudge-ran'])
      assert.equal(spawnSync('ls', [here.at(what)]).status, 2, what);
  });

  test(`${MANY_FILES} files start and give a result`, { timeout: 240_000 }, async () => {
    await environment('many', 'mkdir -p installed\n', '--disk', '2g');
    const repo = await repository(here.at('many'), { '.gitignore': 'installed/\n' });
    const blob = git(repo, ['rev-parse', 'HEAD:a.txt']);
    const names = Array.from({ length: MANY_FILES }, (_, at) => `100644 ${blob}\td${at % 300}/f${at}\n`).join(
      '',
    );
    git(repo, ['update-index', '--index-info'], { input: names });
    git(repo, ['commit', '-q', '-m', 'many']);
    const { result, output } = await run(repo, 'many', '$ git ls-files | wc -l; echo x > d1/new');
    assert.equal(result.status, 'completed', JSON.stringify(result.error));
    assert.equal(output, `${MANY_FILES + 2}\n`);
    assert.equal(result.patch?.files, 1);
  });
});
