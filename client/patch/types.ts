/**
 * A patch as plain data: what `git diff --binary --full-index -M` says, with bytes as bytes.
 * Names are `WirePath`s: `bytes` (base64) is there when a name is not UTF-8.
 */
import type { FileChange, WirePath } from '../../protocol/events.ts';

export type { WirePath } from '../../protocol/events.ts';

export interface Patch {
  files: FilePatch[];
  /** Whether bytes above 127 in names are written as octal escapes (git's `core.quotePath`). */
  quotePath: boolean;
}

export interface FilePatch {
  kind: Exclude<FileChange['kind'], 'typeChanged'>;
  /** Where the old content is; for an added file the same as `newPath`. */
  oldPath: WirePath;
  /** Where the new content goes; for a deleted file the same as `oldPath`. */
  newPath: WirePath;
  /** Git's mode ("100644"), null where the file is absent; both null when nothing said so. */
  oldMode: string | null;
  newMode: string | null;
  /** Ids of the index line as written (whole or cut), null without an index line. */
  oldId: string | null;
  newId: string | null;
  similarity: { word: 'similarity' | 'dissimilarity'; percent: number } | null;
  body: PatchBody;
}

export type PatchBody =
  | { type: 'none' }
  | { type: 'text'; hunks: Hunk[] }
  | { type: 'binary'; forward: BinaryHunk; reverse: BinaryHunk | null }
  /** "Binary files … differ": a patch made without `--binary`; it can be shown but not applied. */
  | { type: 'binaryWithoutContent' };

export interface Hunk {
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  /** What follows the second `@@`, without the space before it; null when nothing follows. */
  section: Uint8Array | null;
  lines: HunkLine[];
}

export interface HunkLine {
  op: ' ' | '-' | '+';
  /** With its `\n`, unless it is a last line without one. */
  text: Uint8Array;
}

export interface BinaryHunk {
  method: 'literal' | 'delta';
  /** Bytes of what `deflated` inflates to: the content, or the delta. */
  size: number;
  deflated: Uint8Array;
}
