/**
 * Reads `git diff --raw --numstat -z`: first every raw record, then every count, NUL between the
 * fields, names as they are. Pure. (git-diff-tree: "Raw output format"; git-diff: `--numstat -z`.)
 */
import { CodexError } from '../../protocol/errors.ts';

export interface RawChange {
  status: 'A' | 'C' | 'D' | 'M' | 'R' | 'T';
  oldMode: string;
  newMode: string;
  oldSha: string;
  newSha: string;
  path: Buffer;
  from?: Buffer;
  /** Null for a binary file. */
  lines: { added: number; removed: number } | null;
}

const RAW = /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) ([ACDMRT])\d*$/;
const COUNTS = /^(\d+|-)\t(\d+|-)\t/;

export function readDiff(output: Buffer): RawChange[] {
  const fields = splitNul(output);
  const changes = new Map<string, RawChange>();
  let at = 0;
  const next = (): Buffer => {
    const field = fields[at];
    if (!field) throw unexpected('it ends early');
    at += 1;
    return field;
  };

  while (fields[at]?.[0] === 0x3a /* : */) {
    const match = RAW.exec(next().toString('latin1'));
    if (!match) throw unexpected('a raw record');
    const [, oldMode = '', newMode = '', oldSha = '', newSha = '', status = ''] = match;
    const first = next();
    const two = status === 'R' || status === 'C';
    const path = two ? next() : first;
    changes.set(path.toString('latin1'), {
      status: status as RawChange['status'],
      oldMode,
      newMode,
      oldSha,
      newSha,
      path,
      ...(two ? { from: first } : {}),
      lines: null,
    });
  }

  while (at < fields.length) {
    const counts = next();
    const match = COUNTS.exec(counts.toString('latin1'));
    if (!match) throw unexpected('a count');
    let path = counts.subarray(match[0].length);
    if (path.length === 0) {
      next();
      path = next();
    }
    const change = changes.get(path.toString('latin1'));
    if (!change) throw unexpected('a count of no file');
    if (match[1] !== '-') change.lines = { added: Number(match[1]), removed: Number(match[2]) };
  }
  return [...changes.values()];
}

/** The pieces of a list in which each ends with NUL. */
export function splitNul(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
    pieces.push(bytes.subarray(start, end));
    start = end + 1;
  }
  if (start < bytes.length) pieces.push(bytes.subarray(start));
  return pieces;
}

function unexpected(what: string): CodexError {
  return new CodexError('gitFailed', { command: 'diff', reason: 'output' }, { detail: `git diff: ${what}` });
}
