/** What a turn's sandbox is opened with, so that whoever opens it for something else agrees with the turn. */

const OWNERS_OF_A_TURN = 1_000_000;

/** Grows over all turns of a task: a turn's own generation begins anew with each. */
export function doorGeneration(turn: { turn: number; generation: number }): number {
  return turn.turn * OWNERS_OF_A_TURN + turn.generation;
}

/** A folder's name that any shell and file system takes. */
export function safeName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|[-.]+$/g, '');
  return safe === '' ? 'repository' : safe.slice(0, 100);
}
