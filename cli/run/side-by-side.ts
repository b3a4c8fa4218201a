/** Several attempts under one another, one line each: how it ended, what it changed, what it took, what it says. Pure. */
import { STATE_WORDS, errorWords } from '../../client/words/index.ts';
import type { AttemptView } from '../../protocol/rpc.ts';
import { tameLine, type Paint } from '../terminal.ts';

/** Enough to tell answers apart. */
const SAID_CHARS = 80;

export function sideBySide(attempts: readonly AttemptView[], paint: Paint, chosen?: number): string[] {
  const rows = attempts.map((view) => cellsOf(view));
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return attempts.map((view, index) => {
    const [state = '', files = '', tokens = '', said = ''] = rows[index] ?? [];
    const colour = {
      completed: paint.green,
      failed: paint.red,
      cancelled: paint.yellow,
      running: paint.cyan,
    };
    const cells = [
      colour[view.state ?? 'running'](state.padEnd(widths[0] ?? 0)),
      files.padEnd(widths[1] ?? 0),
      paint.dim(tokens.padStart(widths[2] ?? 0)),
      said,
    ];
    return `${view.attempt === chosen ? '▸' : ' '} ${view.attempt}  ${cells.join('  ').trimEnd()}`;
  });
}

function cellsOf({ state = 'running', patch, usage, answer, error }: AttemptView): string[] {
  const tokens = usage ? (usage.inputTokens + usage.outputTokens).toLocaleString('en-US') : null;
  const said = state === 'failed' && error ? errorWords(error).text : (answer ?? '');
  const line = tameLine(said.trim().split('\n', 1)[0] ?? '');
  return [
    STATE_WORDS[state],
    patch && patch.files > 0
      ? `${patch.files} ${patch.files === 1 ? 'file' : 'files'} +${patch.added} −${patch.removed}`
      : 'no changes',
    tokens === null ? '' : `${tokens} tokens`,
    line.length > SAID_CHARS ? `${line.slice(0, SAID_CHARS - 1).toWellFormed()}…` : line,
  ];
}
