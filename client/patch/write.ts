/**
 * Writes a patch in the form in which git writes it. For a patch that git made, what is written is
 * what was read, byte for byte; `writePatch({ ...patch, files: some })` is a patch of some files.
 */
import { encodeLines } from './base85.ts';
import { bytesOfPath, quote } from './names.ts';
import type { BinaryHunk, FilePatch, Hunk, Patch, WirePath } from './types.ts';

const NEWLINE = 10;
const NO_NEWLINE = Buffer.from('\n\\ No newline at end of file\n');

export function writePatch(patch: Patch): Buffer {
  const parts: Uint8Array[] = [];
  for (const file of patch.files) writeFile(parts, file, patch.quotePath);
  return Buffer.concat(parts);
}

function writeFile(parts: Uint8Array[], file: FilePatch, quotePath: boolean): void {
  const line = (...pieces: (string | Uint8Array)[]) => {
    for (const piece of pieces) parts.push(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    parts.push(Buffer.from('\n'));
  };
  const named = (prefix: string, path: WirePath) =>
    quote(Buffer.concat([Buffer.from(prefix), bytesOfPath(path)]), quotePath);

  line('diff --git ', named('a/', file.oldPath), ' ', named('b/', file.newPath));
  if (file.kind === 'added' && file.newMode) line(`new file mode ${file.newMode}`);
  else if (file.kind === 'deleted' && file.oldMode) line(`deleted file mode ${file.oldMode}`);
  else if (file.oldMode !== file.newMode) {
    line(`old mode ${file.oldMode}`);
    line(`new mode ${file.newMode}`);
  }
  if (file.similarity) line(`${file.similarity.word} index ${file.similarity.percent}%`);
  if (file.kind === 'renamed' || file.kind === 'copied') {
    const word = file.kind === 'renamed' ? 'rename' : 'copy';
    line(`${word} from `, named('', file.oldPath));
    line(`${word} to `, named('', file.newPath));
  }
  if (file.oldId !== null && file.newId !== null) {
    const sameMode = file.oldMode !== null && file.oldMode === file.newMode;
    line(`index ${file.oldId}..${file.newId}${sameMode ? ` ${file.oldMode}` : ''}`);
  }

  const { body } = file;
  switch (body.type) {
    case 'none':
      return;
    case 'binaryWithoutContent':
      line('Binary files ', side(file, 'old', named), ' and ', side(file, 'new', named), ' differ');
      return;
    case 'binary':
      line('GIT binary patch');
      writeBinary(parts, body.forward);
      if (body.reverse) writeBinary(parts, body.reverse);
      return;
    case 'text':
      line('--- ', side(file, 'old', named), tabFor(file, 'old'));
      line('+++ ', side(file, 'new', named), tabFor(file, 'new'));
      for (const hunk of body.hunks) writeHunk(parts, hunk);
      return;
  }
}

function side(
  file: FilePatch,
  which: 'old' | 'new',
  named: (prefix: string, path: WirePath) => Buffer,
): Buffer {
  if (absent(file, which)) return Buffer.from('/dev/null');
  return which === 'old' ? named('a/', file.oldPath) : named('b/', file.newPath);
}

/** Git ends a name that holds a space with a tab, so that other tools see where it ends. */
function tabFor(file: FilePatch, which: 'old' | 'new'): string {
  if (absent(file, which)) return '';
  return bytesOfPath(which === 'old' ? file.oldPath : file.newPath).includes(32) ? '\t' : '';
}

function absent(file: FilePatch, which: 'old' | 'new'): boolean {
  return file.kind === (which === 'old' ? 'added' : 'deleted');
}

function writeHunk(parts: Uint8Array[], hunk: Hunk): void {
  const range = (start: number, lines: number) => (lines === 1 ? `${start}` : `${start},${lines}`);
  parts.push(
    Buffer.from(`@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`),
  );
  if (hunk.section) parts.push(Buffer.from(' '), hunk.section);
  parts.push(Buffer.from('\n'));
  for (const { op, text } of hunk.lines) {
    parts.push(Buffer.from(op), text);
    if (text[text.length - 1] !== NEWLINE) parts.push(NO_NEWLINE);
  }
}

function writeBinary(parts: Uint8Array[], hunk: BinaryHunk): void {
  parts.push(Buffer.from(`${hunk.method} ${hunk.size}\n`), encodeLines(hunk.deflated));
}
