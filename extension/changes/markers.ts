/** A merge that has conflicts as text with markers, as git writes it with all three sides. Pure. */
import type { MergePiece } from '../../client/review/index.ts';

export interface Labels {
  ours: string;
  base: string;
  theirs: string;
}

const NEWLINE = 10;

export function withMarkers(pieces: readonly MergePiece[], labels: Labels, eol: '\n' | '\r\n'): Uint8Array {
  const parts: Uint8Array[] = [];
  const line = (text: string) => parts.push(Buffer.from(`${text}${eol}`));
  const lines = (bytes: Uint8Array) => {
    parts.push(bytes);
    // A marker begins a line, whatever the side ends with.
    if (bytes.length > 0 && bytes[bytes.length - 1] !== NEWLINE) parts.push(Buffer.from(eol));
  };
  for (const piece of pieces) {
    if (piece.type === 'merged') {
      parts.push(piece.bytes);
      continue;
    }
    line(`<<<<<<< ${labels.ours}`);
    lines(piece.ours);
    line(`||||||| ${labels.base}`);
    lines(piece.base);
    line('=======');
    lines(piece.theirs);
    line(`>>>>>>> ${labels.theirs}`);
  }
  return Buffer.concat(parts);
}
