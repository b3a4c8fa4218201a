/**
 * One file's change on the bytes of a working tree. Where git checked a file out with CRLF (autocrlf,
 * eol attributes) or the user turned it to CRLF, and the patch speaks LF, the change is made on the
 * LF form and written back as CRLF. Only files whose every line ends in CRLF: mixed ones have to fit
 * as they are, since nothing could say how a new line should end.
 */
import { applyFilePatch, isPostImage, type FileOutcome } from '../patch/apply-file.ts';
import { reversed } from '../patch/reverse.ts';
import type { FilePatch } from '../patch/types.ts';

const CR = 13;
const LF = 10;

export function applyKeepingEol(before: Uint8Array, file: FilePatch, maxInflated?: number): FileOutcome {
  const direct = applyFilePatch(before, file, maxInflated);
  if (direct.ok || direct.reason === 'corruptPatch' || !mayBeLf(file)) return direct;
  const lf = fromCrlf(before);
  if (lf === null) return direct;
  const outcome = applyFilePatch(lf, file, maxInflated);
  if (!outcome.ok) return direct;
  // A text that became binary has no line ends to keep.
  const isText = file.body.type === 'text' || !(outcome.bytes.includes(0) || outcome.bytes.includes(CR));
  return isText ? { ...outcome, bytes: toCrlf(outcome.bytes) } : outcome;
}

/** Whether the change is in already: the post-image itself, or hunks that fit only backwards. */
export function alreadyIn(current: Uint8Array, file: FilePatch): boolean {
  if (isPostImage(current, file)) return true;
  const lf = mayBeLf(file) ? fromCrlf(current) : null;
  if (lf !== null && isPostImage(lf, file)) return true;
  if (file.body.type !== 'text' || file.kind === 'added' || file.kind === 'deleted') return false;
  // Only the lines count here, wherever they came from.
  const backwards = reversed({ ...file, kind: 'modified' });
  return backwards !== null && applyKeepingEol(current, backwards).ok;
}

/** The patch may have been made from LF. Of a binary one only the id of its content says so. */
function mayBeLf({ body }: FilePatch): boolean {
  if (body.type !== 'text') return body.type === 'binary';
  return !body.hunks.some((hunk) =>
    hunk.lines.some(({ text }) => text[text.length - 2] === CR || text.at(-1) === CR),
  );
}

/** The LF form of a text whose every line ends in CRLF; null for any other. */
export function fromCrlf(bytes: Uint8Array): Buffer | null {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!source.includes(CR) || source.includes(0)) return null;
  const out = Buffer.allocUnsafe(source.length);
  let length = 0;
  for (let at = 0; at < source.length; at++) {
    const byte = source[at]!;
    if (byte === CR) {
      if (source[at + 1] !== LF) return null;
      continue;
    }
    if (byte === LF && source[at - 1] !== CR) return null;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

/** Every line end, which is LF, as CRLF. */
export function toCrlf(bytes: Uint8Array): Buffer {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = Buffer.allocUnsafe(source.length * 2);
  let length = 0;
  for (const byte of source) {
    if (byte === LF) out[length++] = CR;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}
