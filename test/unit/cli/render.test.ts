import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventCode, EventParams, FileChange, WireEvent } from '../../../protocol/events.ts';
import type { CommandItem } from '../../../protocol/items.ts';
import { Renderer, changeLines } from '../../../cli/run/render.ts';
import { paint, tameLine, tameName, tameText, wantsColour } from '../../../cli/terminal.ts';

function shown(...events: { [C in EventCode]: [C, EventParams<C>] }[EventCode][]): string[] {
  const lines: string[] = [];
  const renderer = new Renderer((line) => lines.push(line), paint(false));
  events.forEach(([code, params], index) => {
    const event: WireEvent = { taskId: 't', attempt: 1, turn: 1, seq: index + 1, at: 0, v: 1, code, params };
    renderer.event(event);
  });
  return lines;
}

const command = (end: Partial<CommandItem> = {}): CommandItem => ({
  type: 'command',
  id: 'c1',
  command: 'npm test',
  cwd: '/workspace/x',
  ...end,
});
const message = (text: string) => ({ type: 'message', id: 'm', role: 'assistant', text }) as const;

describe('events in a terminal', () => {
  it('phases have their time, commands their output and what went wrong', () => {
    assert.deepEqual(
      shown(
        ['phase.started', { phase: 'agent' }],
        ['item.started', { item: command() }],
        ['output', { itemId: 'c1', offset: 0, text: 'one\ntw' }],
        ['output', { itemId: 'c1', offset: 6, text: 'o\nthree' }],
        ['item.completed', { item: command({ end: 'exited', exitCode: 1, durationMs: 40 }) }],
        ['phase.finished', { phase: 'agent', outcome: 'ok', durationMs: 1_500 }],
      ),
      [
        '▸ Agent',
        '  $ npm test',
        '    │ one',
        '    │ two',
        '    │ three',
        '    exit code 1 40 ms',
        '✓ Agent 1.5 s',
      ],
    );
  });

  it('the environment and its cache have a line each', () => {
    const applied: EventParams<'environment.applied'> = {
      ...{ name: 'web', image: 'universal', versions: {}, workdir: '', from: {} },
      ...{ setup: 'script', maintenance: 'none', variables: [], secrets: ['TOKEN'] },
    };
    assert.deepEqual(
      shown(
        ['environment.applied', applied],
        ['environment.cache', { outcome: 'hit', ageMs: 7_200_000, savedMs: 48_000 }],
      ),
      ['  Environment: web, universal, setup script', '  Cache: prepared 2 h ago, saved 48 s'],
    );
  });

  it('the model that works is told, with how much it thinks', () => {
    const applied: EventParams<'environment.applied'> = {
      ...{ name: 'web', image: 'base', versions: {}, workdir: '', from: {} },
      ...{ setup: 'none', maintenance: 'none', variables: [], secrets: [], model: 'gpt-5.5' },
    };
    const modelLine = (more: Partial<typeof applied>) =>
      shown(['environment.applied', { ...applied, ...more }])[1];
    assert.equal(modelLine({}), '  Model: gpt-5.5');
    assert.equal(modelLine({ effort: 'xhigh' }), '  Model: gpt-5.5, effort extra high');
  });

  it('a message is shown when something follows it; the last one is the answer and comes at the end', () => {
    const lines = shown(
      ['item.completed', { item: message('I look.') }],
      ['item.started', { item: command() }],
      ['item.completed', { item: message('Done.') }],
    );
    assert.deepEqual(lines, ['  I look.', '  $ npm test']);
  });

  it('commands that run at the same time are shown one after another', () => {
    const other = (end: Partial<CommandItem> = {}): CommandItem => ({
      ...command(end),
      id: 'c2',
      command: 'ls',
    });
    assert.deepEqual(
      shown(
        ['item.started', { item: command() }],
        ['item.started', { item: other() }],
        ['output', { itemId: 'c2', offset: 0, text: 'of the second\n' }],
        ['output', { itemId: 'c1', offset: 0, text: 'of the first\n' }],
        ['item.completed', { item: other({ end: 'exited', exitCode: 0, durationMs: 2 }) }],
        ['item.completed', { item: command({ end: 'exited', exitCode: 0, durationMs: 1 }) }],
      ),
      ['  $ npm test', '    │ of the first', '    1 ms', '  $ ls', '    │ of the second', '    2 ms'],
    );
  });

  it('a command that prints without end is cut with a count', () => {
    const lines = shown(
      ['item.started', { item: command() }],
      ['output', { itemId: 'c1', offset: 0, text: 'x\n'.repeat(1_000) }],
      ['item.completed', { item: command({ end: 'exited', exitCode: 0, durationMs: 1 }) }],
    );
    assert.ok(lines.length < 410);
    assert.ok(lines.includes('    … 600 more lines'));
  });

  it('nothing that a sandbox prints moves the cursor', () => {
    const lines = shown(
      ['item.started', { item: command({ command: 'a\u001b[2Jb' }) }],
      [
        'output',
        { itemId: 'c1', offset: 0, text: '10%\r20%\r\n\u001b]0;title\u0007\u001b[31mred\u009b1m\n' },
      ],
      ['sandbox.lost', { reason: 'x\u001b[1Ay' }],
    );
    assert.deepEqual(lines.slice(0, 2), ['  $ ab', '    │ 20%']);
    for (const line of lines) assert.equal(line, tameLine(line));
  });

  it('no name, warning or limit moves the cursor, breaks its line or passes for another', () => {
    const evil = 'a\u001b[2J\nb\u001b]0;t\u0007';
    const lines = shown(
      ['warning', { code: 'agentsFileCut', params: { path: evil, keptBytes: 1, maxBytes: 2 } }],
      ['warning', { code: evil, params: {} }],
      ['limit.reached', { limit: evil, value: 1 }],
      ['sandbox.lost', { reason: evil }],
    );
    for (const line of lines) assert.equal(line, tameLine(line));
    assert.equal(lines.length, 4);
    assert.equal(tameText('first\n✓ Completed\u001b[1A'), 'first\n    ✓ Completed');
    assert.equal(tameName('evil.sh\rREADME\n\u001b[2J\u202etxt'), 'evil.sh\\x0dREADME\\n\\x1b[2J\\u202etxt');
  });

  it('an event of a newer backend is shown by its code', () => {
    const lines: string[] = [];
    new Renderer((line) => lines.push(line), paint(false)).event({
      taskId: 't',
      attempt: 1,
      turn: 1,
      seq: 1,
      at: 0,
      v: 1,
      code: 'brand.new',
      params: {},
    });
    assert.deepEqual(lines, ['  brand.new']);
  });
});

describe('what a result changes', () => {
  it('is one line a file and the sums', () => {
    const change = (path: string, rest: Partial<FileChange>): FileChange => ({
      path: { path },
      kind: 'modified',
      binary: false,
      oldMode: '100644',
      newMode: '100644',
      ...rest,
    });
    const files = [
      change('a.js', { added: 2, removed: 1 }),
      change('logo.png', { kind: 'added', binary: true, newBytes: 2_048 }),
      change('new', { kind: 'renamed', from: { path: 'old' }, added: 0, removed: 0 }),
      change('tool.sh', { kind: 'modeChanged', newMode: '100755', added: 0, removed: 0 }),
      change('latest', { kind: 'added', oldMode: '000000', newMode: '120000', added: 1, removed: 0 }),
    ];
    const patch = { bytes: 1, sha256: '', files: 6, added: 2, removed: 1, binaries: 1 };
    assert.deepEqual(changeLines(files, patch, paint(false)), [
      '  M a.js  +2 −1',
      '  A logo.png  binary, 2 KiB',
      '  R old → new',
      '  m tool.sh  executable',
      '  A latest  symlink',
      '  … 1 more files',
      '  6 files, +2 −1, 1 binary file',
    ]);
  });
});

describe('colour', () => {
  it('is for terminals, and NO_COLOR turns it off', () => {
    assert.equal(wantsColour({ isTTY: true }, {}), true);
    assert.equal(wantsColour({ isTTY: false }, {}), false);
    assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '1' }), false);
    assert.equal(wantsColour({}, { FORCE_COLOR: '1' }), true);
    assert.equal(paint(false).red('x'), 'x');
    assert.equal(paint(true).red('x'), '\u001b[31mx\u001b[39m');
  });
});
