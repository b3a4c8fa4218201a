/**
 * A node:test reporter that sends each result to the process that started this file
 * (`run-files.mjs`), so that what tests print themselves can never be taken for a result.
 */
import { inspect } from 'node:util';

const MAX_ERROR_CHARS = 20_000;

export default async function* report(events) {
  const names = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') names[data.nesting] = data.name;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const error = data.details?.error;
    // A parent that only failed because of its children, and a suite that passed, are no results.
    if (error?.failureType === 'subtestsFailed') continue;
    if (type === 'test:pass' && data.details?.type === 'suite') continue;
    process.send?.({
      kind: 'result',
      name: [...names.slice(0, data.nesting), data.name].join(' › '),
      durationMs: Math.round(data.details?.duration_ms ?? 0),
      ...outcome(type, data, error),
    });
  }
  // Only now: a file that exits in the middle of its tests never gets here.
  process.send?.({ kind: 'end' });
}

function outcome(type, data, error) {
  if (data.skip !== undefined && data.skip !== false) return { outcome: 'skipped', why: why(data.skip) };
  if (data.todo !== undefined && data.todo !== false)
    return { outcome: 'skipped', why: `todo: ${why(data.todo)}` };
  if (type === 'test:pass') return { outcome: 'passed' };
  const cause = error?.cause ?? error;
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: 4 });
  return { outcome: 'failed', why: text.slice(0, MAX_ERROR_CHARS) };
}

function why(reason) {
  return typeof reason === 'string' && reason ? reason : 'no reason given';
}
