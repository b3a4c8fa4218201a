import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changedInternet, opensMore } from '../../../cli/environment/internet.ts';
import { egressCommand, envCommand } from '../../../cli/environment/options.ts';
import { egressLine, environmentLine, environmentLines } from '../../../cli/environment/render.ts';
import { paint } from '../../../cli/terminal.ts';
import { UsageError } from '../../../cli/usage.ts';
import { defaultEnvironment, type EgressEntry } from '../../../protocol/environment.ts';

const PLAIN = paint(false);
const { internet: DEFAULTS } = defaultEnvironment();

function change(...args: string[]) {
  const command = envCommand(['set', 'web', ...args]);
  assert.ok(command !== 'help' && command.action === 'set');
  return command.change.internet;
}

const refuses = (args: string[], words: RegExp) =>
  assert.throws(
    () => envCommand(args),
    (error: unknown) => error instanceof UsageError && words.test(error.message),
  );

describe('the command line of env', () => {
  it('what is not given is not changed, what is given replaces', () => {
    assert.deepEqual(change('--internet', 'common'), { phase: 'agent', access: 'common' });
    assert.deepEqual(change('--allow', 'a.example', '--allow', 'b.example', '--methods', 'read'), {
      phase: 'agent',
      allow: ['a.example', 'b.example'],
      methods: 'read',
    });
    assert.deepEqual(change('--phase', 'setup', '--deny', ''), { phase: 'setup', deny: [] });
  });

  it('what makes no sense is refused with a sentence', () => {
    refuses([], /list, show, set, edit, delete/);
    refuses(['remove', 'x'], /The word after env is one of/);
    refuses(['list', 'x'], /takes no name/);
    refuses(['show'], /needs the name/);
    refuses(['show', 'a', 'b'], /one name, not “a b”/);
    refuses(['show', '-x y'], /-x|Unknown option/);
    refuses(['show', 'x y'], /“x y” can’t be/);
    refuses(['show', 'x', '--internet', 'off'], /--internet belongs to env set/);
    refuses(['set', 'x'], /env set needs/);
    refuses(['set', 'x', '--phase', 'setup'], /env set needs/);
    refuses(['set', 'x', '--phase', 'setup', '--image', 'base'], /--phase is about/);
    refuses(['set', 'x', '--internet', 'on'], /off, common, all, none, not “on”/);
    refuses(['set', 'x', '--methods', 'GET'], /all, read, not “GET”/);
    assert.throws(() => egressCommand([]), UsageError);
    assert.throws(() => egressCommand(['a', 'b']), UsageError);
  });
});

describe('what env set changes', () => {
  it('turns access on by its preset, and off without losing the lists', () => {
    const on = changedInternet(DEFAULTS, { phase: 'agent', access: 'common', allow: ['a.example'] });
    assert.deepEqual(on.agent, {
      access: 'on',
      preset: 'common',
      allow: ['a.example'],
      deny: [],
      methods: 'all',
    });
    assert.equal(on.setup, DEFAULTS.setup);
    const off = changedInternet(on, { phase: 'agent', access: 'off' });
    assert.deepEqual(off.agent, { ...on.agent, access: 'off' });
  });

  it('the risks are said when the agent gets access, or access to everything', () => {
    const common = changedInternet(DEFAULTS, { phase: 'agent', access: 'common' });
    const all = changedInternet(DEFAULTS, { phase: 'agent', access: 'all' });
    const cases = [
      [DEFAULTS, common, true],
      [DEFAULTS, all, true],
      [common, all, true],
      [all, common, false],
      [common, changedInternet(common, { phase: 'agent', allow: ['x.example'] }), false],
      [common, DEFAULTS, false],
      [DEFAULTS, changedInternet(DEFAULTS, { phase: 'setup', access: 'all' }), false],
    ] as const;
    cases.forEach(([before, after, said], at) => assert.equal(opensMore(before, after), said, `case ${at}`));
  });
});

describe('internet access in a terminal', () => {
  const environment = {
    ...defaultEnvironment('web'),
    updatedAt: Date.UTC(2026, 0, 2),
    updatedBy: 'owner',
  };

  it('shows the agent’s access in a list, both phases alone', () => {
    assert.equal(environmentLine(environment, PLAIN), 'web  Internet access: off');
    const internet = changedInternet(environment.internet, {
      phase: 'agent',
      access: 'none',
      allow: ['a.example'],
      deny: ['b.example'],
      methods: 'read',
    });
    const limited = { ...environment, internet };
    assert.equal(
      environmentLine(limited, PLAIN),
      'web  Internet access: limited (only these domains, GET, HEAD and OPTIONS only)',
    );
    assert.deepEqual(environmentLines(limited, PLAIN), [
      'web (changed 2026-01-02T00:00:00.000Z by owner)',
      '  Agent: limited, only these domains, GET, HEAD and OPTIONS only',
      '    allowed: a.example',
      '    denied: b.example',
      '  Setup: on, all domains',
    ]);
  });

  it('an entry of the log is one line, and what it holds moves no cursor', () => {
    const entry: EgressEntry = {
      id: 1,
      taskId: 'abcdefgh12',
      turn: 1,
      attempt: 1,
      at: Date.UTC(2026, 0, 2, 3, 4, 5, 67),
      phase: 'agent',
      host: 'a.example\u001b[2J\nforged',
      port: 443,
      method: 'CONNECT',
      verdict: 'denied',
      reason: 'notAllowed',
      address: null,
      bytesIn: 0,
      bytesOut: 0,
      durationMs: 2,
    };
    const line = egressLine(entry, PLAIN);
    assert.match(line, /^03:04:05\.067 {2}Agent {5}refused {3}CONNECT {3}a\.example forged:443 {2}\w/);
    assert.doesNotMatch(line, /[\u0000-\u001f]/);
    assert.match(
      egressLine({ ...entry, verdict: 'allowed', reason: null, bytesIn: 2048, bytesOut: 10 }, PLAIN),
      /2 KiB in, 10 bytes out$/,
    );
  });
});
