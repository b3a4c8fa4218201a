import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { USUAL_RUNNER_PLACES } from '../../../protocol/places.ts';
import { readPlaces } from '../../../runner/places.ts';
import { everyone, membersOf, tolerant, withDescendants } from '../../../runner/signalled.ts';
import type { Lister } from '../../../runner/signalled.ts';

interface One {
  parent: number;
  group: number;
  session: number;
}

/** As `pgrep` answers, from a table. */
function lister(table: Record<number, One>): Lister {
  return (flag, value = '') => {
    const wanted = value.split(',').map(Number);
    const by = { '-P': 'parent', '-g': 'group', '-s': 'session' }[flag ?? ''] as keyof One | undefined;
    return Object.entries(table)
      .filter(([, one]) => by === undefined || wanted.includes(one[by]))
      .map(([pid]) => Number(pid));
  };
}

const RUNNER = process.pid;
/** 50: the command; 60, 61: escaped by a new session, its child; 70: another command's; 90: the person's. */
const TABLE = {
  50: { parent: RUNNER, group: 50, session: 50 },
  51: { parent: 50, group: 51, session: 50 },
  52: { parent: 51, group: 52, session: 52 },
  60: { parent: 1, group: 60, session: 60 },
  61: { parent: 60, group: 61, session: 61 },
  70: { parent: RUNNER, group: 70, session: 70 },
  71: { parent: 70, group: 70, session: 70 },
  90: { parent: 1, group: 90, session: 90 },
};
const inside = (pid: number): boolean => pid in TABLE && pid !== 90;

describe('processes where only signals tell whose they are', () => {
  const list = lister(TABLE);

  test('are the sandbox’s when they may be signalled', () => {
    assert.deepEqual(everyone(list, inside), [50, 51, 52, 60, 61, 70, 71]);
    assert.deepEqual([...withDescendants(list, [50])].sort(), [50, 51, 52]);
  });

  test('are a command’s by group, session and descent, and when it ran alone by having come since', () => {
    const members = (before: number[] | null): number[] =>
      membersOf(list, 50, new Set(), before && new Set(before), inside).sort();
    assert.deepEqual(members(null), [50, 51, 52]);
    assert.deepEqual(members([]), [50, 51, 52, 60, 61], 'not what the runner itself started');
    assert.deepEqual(members([60, 61]), [50, 51, 52], 'who was there before is nobody of its');
  });

  test('stay a command’s once they were seen as its', () => {
    const left = lister({ 60: TABLE[60], 61: TABLE[61], 90: TABLE[90] });
    assert.deepEqual(
      membersOf(left, 50, new Set([60, 90]), null, (pid) => pid >= 60 && pid < 90).sort(),
      [60, 61],
    );
  });

  test('are none when the list is empty; a list that can’t be had is not an empty one', () => {
    const failing = (status: number | undefined): Lister =>
      tolerant(() => {
        throw Object.assign(new Error('no'), { status });
      });
    assert.deepEqual(failing(1)('-g', '1'), []);
    assert.throws(() => failing(2)('-g', '1'));
    assert.throws(() => failing(undefined)('-g', '1'));
  });
});

describe('a runner’s places', () => {
  test('are the usual ones unless it is told', () => {
    assert.equal(readPlaces(undefined), USUAL_RUNNER_PLACES);
    const told = {
      run: '/d/run',
      originPort: 5000,
      egress: { host: '127.0.0.1', port: 5001 },
      pgrep: '/usr/bin/pgrep',
      outsider: 7,
    };
    assert.deepEqual(readPlaces(JSON.stringify(told)), told);
    for (const wrong of [
      { run: 'd' },
      { originPort: 0 },
      { egress: { host: 'x' } },
      { pgrep: 'pgrep' },
      { outsider: undefined },
      { outsider: 0 },
      { egress: undefined },
    ])
      assert.throws(() => readPlaces(JSON.stringify({ ...told, ...wrong })), Error);
    assert.throws(() => readPlaces('{'));
  });
});
