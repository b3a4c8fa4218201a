/**
 * A file that was checked out or saved with the other kind of line ends than the patch speaks, as if it
 * had the patch's: only where every line of it has one kind, and every line of the patch's texts the
 * other. Mixed ones are taken as they are, since nothing could say how a new line should end.
 */
import { fromCrlf, toCrlf } from '../apply/eol.ts';

export interface View {
  /** The file in the line ends of the others. */
  bytes: Uint8Array;
  /** Back into its own. */
  restore(bytes: Uint8Array): Uint8Array;
}

const CR = 13;
const LF = 10;

/** null where the file is to be taken as it is. */
export function withLineEnds(file: Uint8Array, others: readonly Uint8Array[]): View | null {
  const ends = endsOf(file);
  if (ends === 'none' || ends === 'mixed') return null;
  const wanted = ends === 'crlf' ? 'lf' : 'crlf';
  const theirs = others.map(endsOf).filter((other) => other !== 'none');
  if (theirs.length === 0 || theirs.some((other) => other !== wanted)) return null;
  return wanted === 'lf'
    ? { bytes: fromCrlf(file) ?? file, restore: toCrlf }
    : { bytes: toCrlf(file), restore: (bytes) => fromCrlf(bytes) ?? bytes };
}

/** `mixed` also stands for what is no text: a NUL, a lone carriage return. */
function endsOf(bytes: Uint8Array): 'none' | 'lf' | 'crlf' | 'mixed' {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (source.includes(0)) return 'mixed';
  if (!source.includes(CR)) return source.includes(LF) ? 'lf' : 'none';
  return fromCrlf(source) === null ? 'mixed' : 'crlf';
}
