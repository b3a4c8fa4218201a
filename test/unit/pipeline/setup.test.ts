import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { effective } from '../../../server/environments/effective.ts';
import { variablesOf, type TurnEnvironment } from '../../../server/pipeline/environment.ts';
import { automaticSetup } from '../../../server/pipeline/setup/automatic.ts';
import { keyOf, type Plan } from '../../../server/pipeline/setup/plan.ts';
import { failingCommand, hintFor, WRAPPER } from '../../../server/pipeline/setup/script.ts';
import { createRedactor } from '../../../server/secrets/redactor.ts';

/** What bash makes of a script in the wrapper: how it ended, and which command is to blame. */
function run(text: string) {
  const dir = mkdtempSync(join(tmpdir(), 'codex-script-'));
  try {
    const [script, notes] = [join(dir, 'script.sh'), join(dir, 'notes')];
    writeFileSync(script, text);
    writeFileSync(join(dir, 'other.sh'), 'true\nfalse\n');
    const argv = ['--noprofile', '--norc', '-c', WRAPPER, 'setup', script, notes];
    const { status, stdout, stderr } = spawnSync('bash', argv, { cwd: dir, encoding: 'utf8' });
    const note = existsSync(notes) ? readFileSync(notes, 'utf8') : '';
    const found = failingCommand(note, status ?? -1, stderr, script);
    return { status, stdout, line: found?.line, command: found?.command };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('a script stops at the first command that fails, and says which one it was', () => {
  assert.deepEqual(run('echo a\nfalse\necho b\n'), { status: 1, stdout: 'a\n', line: 2, command: 'false' });
  assert.deepEqual(run('f() {\n  (exit 3)\n}\nf\n'), {
    status: 3,
    stdout: '',
    line: 2,
    command: '( exit 3 )',
  });
  assert.equal(run('x=$(exit 4)\n').line, 1);
  assert.equal(run('echo\n. ./other.sh\n').line, 2);
  assert.equal(run('no-such-program --now\n').command, 'no-such-program --now');
});

test('what a script handles by itself is no failure', () => {
  for (const text of [
    'false || true',
    'if false; then :; fi',
    'set +e; false; true',
    '! true',
    'false | true',
  ])
    assert.equal(run(`${text}\necho fine\n`).stdout, 'fine\n', text);
});

test('what bash itself complains of is told with its line; a command that was not to blame is not', () => {
  assert.equal(run('set -u\necho $nope\n').line, 2);
  assert.match(run('echo\nif then\n').command ?? '', /syntax error/);
  assert.deepEqual(run('set +e\nfalse\nexit 5\n'), {
    status: 5,
    stdout: '',
    line: undefined,
    command: undefined,
  });
});

test('a failure comes with what to try', () => {
  assert.equal(hintFor('timedOut', 124, ''), 'timeLimit');
  assert.equal(hintFor('outOfMemory', 137, ''), 'memory');
  assert.equal(hintFor('exited', 1, 'cp: No space left on device'), 'disk');
  assert.equal(hintFor('exited', 100, 'E: Unable to locate package jq'), 'aptUpdate');
  assert.equal(hintFor('exited', 6, 'curl: (6) Could not resolve host: x.test'), 'noAccess');
  assert.equal(hintFor('exited', 127, 'bash: poetry: command not found'), 'missingProgram');
  assert.equal(hintFor('exited', 1, 'AssertionError'), 'look');
});

test('lock files say what is installed, one tool for each ecosystem, the strictest first', () => {
  assert.equal(automaticSetup(['README.md', 'package.json']), null);
  const node = automaticSetup(['package.json', 'package-lock.json', 'yarn.lock', 'pnpm-lock.yaml']);
  assert.deepEqual(node?.files, ['pnpm-lock.yaml']);
  assert.match(node?.script ?? '', /pnpm install --frozen-lockfile/);
  const every = {
    'package-lock.json': /npm ci/,
    'npm-shrinkwrap.json': /npm ci/,
    'yarn.lock': /yarn install --immutable/,
    'requirements.txt': /pip" install/,
    'Pipfile.lock': /pipenv sync/,
    'poetry.lock': /poetry install/,
    'uv.lock': /uv sync --frozen/,
    'go.sum': /go mod download/,
    'Cargo.lock': /cargo fetch --locked/,
    'pom.xml': /mvn .*go-offline/,
    gradlew: /gradlew/,
    'Gemfile.lock': /bundle install/,
    'composer.lock': /composer install/,
  };
  for (const [file, expected] of Object.entries(every)) {
    assert.match(automaticSetup([file])?.script ?? '', expected, file);
  }
  const all = automaticSetup(Object.keys(every));
  assert.deepEqual(
    all?.files.join(' '),
    'yarn.lock uv.lock go.sum Cargo.lock gradlew Gemfile.lock composer.lock',
  );
  assert.equal(spawnSync('bash', ['-n'], { input: all?.script ?? '' }).status, 0);
});

test('a tool that the image does not have is passed over with a line', () => {
  const script = automaticSetup(['composer.lock'])?.script ?? '';
  const { status, stdout } = spawnSync('/bin/bash', ['-c', script], {
    env: { PATH: '/nonexistent' },
    encoding: 'utf8',
  });
  assert.equal(status, 0);
  assert.match(stdout, /composer\.lock is passed over: the image has no composer/);
});

const PLAN: Plan = { switchVersions: false, text: 'make', written: true, files: [] };

function environment(
  more: Partial<Environment> = {},
  secrets = [{ name: 'A', id: '1', value: 'x' }],
): TurnEnvironment {
  const settings = effective({ ...defaultEnvironment(), ...more }, null, resolveLimits());
  return {
    settings,
    secrets,
    redactor: createRedactor([]),
    base: { sha: 'a'.repeat(40), uncached: null },
    untrusted: false,
  };
}

test('what was prepared is found again only by all that made it', () => {
  const key = (of: TurnEnvironment, plan = PLAN, image = 'i', repoId = 'r', name = 'n') =>
    keyOf('docker', image, { repoId, name }, of, plan);
  const first = key(environment({ variables: { A: '1', B: '2' } }));
  assert.equal(key(environment({ variables: { B: '2', A: '1' } })), first);
  const others = [
    key(environment({ variables: { A: '1', B: '3' } })),
    key(environment({ variables: { A: '1', B: '2' }, versions: { node: '22' } })),
    key(environment({ variables: { A: '1', B: '2' }, workdir: 'sub' })),
    key(environment({ variables: { A: '1', B: '2' }, maintenance: 'x' })),
    key(environment({ variables: { A: '1', B: '2' } }, [{ name: 'A', id: '2', value: 'x' }])),
    key(environment({ variables: { A: '1', B: '2' } }, [])),
    key(environment({ variables: { A: '1', B: '2' } }), { ...PLAN, text: 'make all' }),
    key(environment({ variables: { A: '1', B: '2' } }), PLAN, 'other'),
    key(environment({ variables: { A: '1', B: '2' } }), PLAN, 'i', 'other'),
    key(environment({ variables: { A: '1', B: '2' } }), PLAN, 'i', 'r', 'other'),
  ];
  assert.equal(new Set([first, ...others]).size, others.length + 1);
  // A value never has a part in it, not even through a hash.
  assert.equal(
    key(environment({ variables: { A: '1', B: '2' } }, [{ name: 'A', id: '1', value: 'another value' }])),
    first,
  );
});

test('versions become the variables that images of the universal kind read', () => {
  const { settings } = environment({ versions: { python: '3.12', node: '22' }, variables: { MODE: 'x' } });
  assert.deepEqual(variablesOf(settings), {
    CODEX_ENV_NODE_VERSION: '22',
    CODEX_ENV_PYTHON_VERSION: '3.12',
    MODE: 'x',
  });
});
