import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attemptsOf,
  turnViewOf,
  type AttemptRow,
  type TaskRow,
  type TurnRow,
} from '../../../server/tasks/rows.ts';

const TASK = { id: 'abcdefgh', attempts: 2, chosen_attempt: null } as TaskRow;
const TURN = {
  turn: 1,
  mode: 'code',
  prompt: 'x',
  state: 'completed',
  generation: 1,
  answer: 'first',
  error: null,
  usage: null,
  report: null,
  images: null,
  model: null,
  effort: null,
  base_sha: null,
  created_at: 1,
  finished_at: 2,
} as TurnRow;

function attempt(number: number, of: Partial<AttemptRow>): AttemptRow {
  return {
    task_id: 'abcdefgh',
    turn: 1,
    attempt: number,
    state: 'completed',
    answer: null,
    error: null,
    usage: null,
    report: null,
    started_at: 0,
    finished_at: 1,
    ...of,
  };
}

test('a first turn has all attempts, a follow-up the chosen one', () => {
  assert.deepEqual(attemptsOf({ attempts: 1, chosen_attempt: null }, 3), [1]);
  assert.deepEqual(attemptsOf({ attempts: 3, chosen_attempt: null }, 1), [1, 2, 3]);
  assert.deepEqual(attemptsOf({ attempts: 3, chosen_attempt: 2 }, 1), [1, 2, 3]);
  assert.deepEqual(attemptsOf({ attempts: 3, chosen_attempt: 2 }, 2), [2]);
});

test('the answer of a turn is the chosen attempt’s, and the first one’s until one is chosen', () => {
  const attempts = [attempt(1, { answer: 'first' }), attempt(2, { answer: 'second' })];
  const answer = (chosen: number | null) =>
    turnViewOf(TURN, { ...TASK, chosen_attempt: chosen }, { results: [], phases: [], attempts }).answer;
  assert.equal(answer(null), 'first');
  assert.equal(answer(2), 'second');
});

test('phases of several attempts are one, from the first start to the last end, as bad as the worst', () => {
  const phase = (
    attempt: number,
    started_at: number,
    duration_ms: number | null,
    outcome: 'ok' | 'failed' | null,
  ) => ({
    task_id: 'abcdefgh',
    turn: 1,
    attempt,
    phase: 'agent' as const,
    started_at,
    duration_ms,
    outcome,
  });
  const phases = (...rows: ReturnType<typeof phase>[]) =>
    turnViewOf(TURN, TASK, { results: [], phases: rows, attempts: [] }).phases;
  assert.deepEqual(phases(phase(1, 10, 5, 'ok'), phase(2, 12, 20, 'failed')), [
    { phase: 'agent', startedAt: 10, durationMs: 22, outcome: 'failed' },
  ]);
  assert.deepEqual(phases(phase(1, 10, 5, 'ok'), phase(2, 12, null, null)), [
    { phase: 'agent', startedAt: 10 },
  ]);
});
