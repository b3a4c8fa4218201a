/** A patch as a terminal shows it: coloured, binary content left out, long ones cut. */
import { tameLine, type Paint } from '../terminal.ts';

const SHOWN_LINES = 200;

export function diffLines(patch: Uint8Array, paint: Paint): string[] {
  const lines: string[] = [];
  let binary = false;
  for (const raw of Buffer.from(patch).toString('utf8').split('\n')) {
    if (raw.startsWith('diff --git ')) binary = false;
    if (binary) continue;
    if (raw === 'GIT binary patch') {
      binary = true;
      lines.push(paint.dim('  (binary content)'));
      continue;
    }
    lines.push(painted(tameLine(raw), paint));
  }
  if (lines.at(-1) === '') lines.pop();
  if (lines.length <= SHOWN_LINES) return lines;
  return [...lines.slice(0, SHOWN_LINES), paint.dim(`… ${lines.length - SHOWN_LINES} more lines`)];
}

function painted(line: string, paint: Paint): string {
  if (/^(diff --git|\+\+\+ |--- )/.test(line)) return paint.bold(line);
  if (line.startsWith('@@')) return paint.cyan(line);
  if (line.startsWith('+')) return paint.green(line);
  if (line.startsWith('-')) return paint.red(line);
  return line;
}
