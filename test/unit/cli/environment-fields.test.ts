/** What the flags of `env set` change, and the words for those that can't be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentOf, textOf } from '../../../cli/environment/edit.ts';
import { changedFields } from '../../../cli/environment/fields.ts';
import { envCommand } from '../../../cli/environment/options.ts';
import { environmentLines, settingLines } from '../../../cli/environment/render.ts';
import { paint } from '../../../cli/terminal.ts';
import { UsageError } from '../../../cli/usage.ts';
import { checkEnvironment, defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';

const GIB = 1024 ** 3;

function set(args: string[], before: Partial<Environment> = {}, texts: { setup?: string } = {}): Environment {
  const command = envCommand(['set', 'web', ...args]);
  assert.ok(command !== 'help' && command.action === 'set');
  return checkEnvironment(
    changedFields({ ...defaultEnvironment('web'), ...before }, command.change.fields, texts),
  );
}

function only(args: string[], before: Partial<Environment> = {}): Partial<Environment> {
  const { name: _name, internet: _internet, ...fields } = set(args, before);
  assert.deepEqual([_name, _internet], ['web', defaultEnvironment().internet]);
  return fields;
}

test('each flag sets its field, with its unit', () => {
  assert.deepEqual(only(['--image', 'universal', '--workdir', 'packages/web']), {
    image: 'universal',
    workdir: 'packages/web',
  });
  assert.deepEqual(
    only(['--setup-timeout', '20m', '--command-timeout', '90s', '--cache', 'off', '--parked', '1.5h']),
    { setupTimeoutMs: 1_200_000, commandTimeoutMs: 90_000, cacheMs: 0, parkedMs: 5_400_000 },
  );
  assert.deepEqual(only(['--memory', '8g', '--disk', '512MiB', '--cpus', '1.5', '--pids', '500']), {
    resources: { memoryBytes: 8 * GIB, diskBytes: GIB / 2, cpus: 1.5, pids: 500 },
  });
  assert.deepEqual(only(['--approval', 'onRisk', '--allow-command', 'npm test', '--deny-command', 'rm *']), {
    approval: { policy: 'onRisk', allow: ['npm test'], deny: ['rm *'] },
  });
  assert.deepEqual(only(['--setup-for-ask', 'yes', '--allow-secrets-in', '~/.npmrc']), {
    setupForAsk: true,
    allowSecretsIn: ['~/.npmrc'],
  });
  assert.deepEqual(only(['--model', 'company/gpt-5.5', '--effort', 'high']), {
    model: 'company/gpt-5.5',
    effort: 'high',
  });
  assert.deepEqual(only(['--unset', 'model', '--unset', 'effort'], { model: 'a', effort: 'low' }), {});
});

test('versions and variables change by name; the last one gone is no setting any more', () => {
  const before = { versions: { node: '20' }, variables: { A: '1', B: '2' } };
  assert.deepEqual(
    only(['--version', 'python=3.10', '--var', 'C=a=b', '--var', 'D=', '--unset-var', 'A'], before),
    {
      versions: { node: '20', python: '3.10' },
      variables: { B: '2', C: 'a=b', D: '' },
    },
  );
  assert.deepEqual(only(['--version', 'node=', '--unset-var', 'A', '--unset-var', 'B'], before), {});
});

test('a script is set, emptied, or left to the lock files', () => {
  assert.equal(set(['--setup', 'file'], {}, { setup: 'npm ci\n' }).setup, 'npm ci\n');
  assert.deepEqual(only(['--no-setup', '--automatic-maintenance'], { setup: 'x', maintenance: 'y' }), {
    setup: '',
  });
  assert.deepEqual(only(['--automatic-setup'], { setup: 'x' }), {});
});

test('what was set can be unset, and one part of the resources changed', () => {
  const before = { image: 'universal', resources: { cpus: 1 }, cacheMs: 5 };
  assert.deepEqual(only(['--unset', 'image', '--memory', '1g'], before), {
    resources: { cpus: 1, memoryBytes: GIB },
    cacheMs: 5,
  });
  assert.deepEqual(only(['--unset', 'resources', '--unset', 'cacheMs', '--unset', 'image'], before), {});
});

const REFUSED: [string[], RegExp][] = [
  [['--memory', '8'], /--memory is a size with its unit, such as 512m or 8g, not “8”/],
  [['--memory', '-1g'], /--memory/],
  [['--setup-timeout', '20'], /--setup-timeout is a time with its unit/],
  [['--setup-timeout', 'off'], /--setup-timeout is a time/],
  [['--cache', 'never'], /or off, not “never”/],
  [['--cpus', 'two'], /--cpus is a number/],
  [['--pids', '0'], /--pids is a whole number/],
  [['--version', 'python'], /--version takes NAME=value/],
  [['--version', 'perl=5'], /The language of --version is one of python, node/],
  [['--var', '=x'], /--var takes NAME=value/],
  [['--var', 'A=1', '--unset-var', 'A'], /both name A/],
  [['--setup', 'a', '--no-setup'], /exclude one another/],
  [['--setup', '-', '--maintenance', '-'], /Only one of/],
  [['--approval', 'sometimes'], /--approval is one of never, onRisk, always/],
  [['--effort', 'huge'], /--effort is one of none, minimal, low, medium, high, xhigh, not “huge”/],
  [['--unset', 'internet'], /--unset is one of/],
  [['--repo', '.'], /--repo belongs to env test/],
];
for (const [args, words] of REFUSED) {
  test(`${args.join(' ')} is refused with a sentence`, () => {
    assert.throws(
      () => set(args),
      (error) => error instanceof UsageError && words.test(error.message),
    );
  });
}

test('flags of one action are none of another', () => {
  for (const args of [
    ['show', 'x', '--image', 'base'],
    ['test', 'x', '--json', '--cache', 'off'],
    ['check', 'a', 'b'],
  ])
    assert.throws(() => envCommand(args), UsageError, args.join(' '));
  assert.deepEqual(
    [envCommand(['check']), envCommand(['test', 'web', '--repo', 'x'])].map((each) =>
      each === 'help' ? each : 'folder' in each ? each.folder : 'repo' in each ? each.repo : '',
    ),
    ['.', 'x'],
  );
});

test('an edited text is what it was, and what is wrong in it is told', () => {
  const whole = { ...set(['--image', 'universal', '--var', 'A=1', '--cache', '1h']), setup: 'a\nb\n' };
  assert.deepEqual(environmentOf(textOf(whole), 'web'), whole);
  const fails = (text: string, where: string) =>
    assert.throws(
      () => environmentOf(text, 'web'),
      (error) =>
        error instanceof CodexError &&
        error.code === 'badEnvironment' &&
        error.wire.params['where'] === where,
    );
  fails('internet: "x\n', 'line 2');
  fails(`${textOf(whole)}setpu: x\n`, 'setpu');
  fails(textOf(whole).replace('universal', 'Universal'), 'image');
  fails('- a', 'internet');
});

test('everything that is set is shown, and nothing moves the cursor', () => {
  const whole = set(
    [
      '--version',
      'node=22',
      '--var',
      'A=\u001b[2Jx',
      '--memory',
      '8g',
      '--cache',
      'off',
      '--approval',
      'always',
    ],
    { setup: 'npm ci\necho \u001b[31m', maintenance: '', workdir: '' },
  );
  const lines = environmentLines({ ...whole, updatedAt: 1, updatedBy: 'x' }, paint(false));
  for (const line of [
    '  Versions: node 22',
    '  Working directory: the repository’s root',
    '  Setup script:',
    '    | npm ci',
    '  Maintenance script: nothing',
    '  Memory: 8 GiB',
    '  Prepared environments are used for: off',
    '  Asks before commands: always',
  ])
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
  assert.doesNotMatch(lines.join('\n'), /\u001b/);
  assert.deepEqual(settingLines({}, paint(false)), []);
});
