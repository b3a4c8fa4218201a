/**
 * The patch between two commits of a trusted repository: its bytes, and what it contains.
 *
 * The bytes are git's own and nothing parses them. The list of files comes from git's raw format,
 * read as bytes, since names need not be UTF-8.
 */
import { createHash } from 'node:crypto';
import { CodexError } from '../../protocol/errors.ts';
import type { FileChange, PatchSummary, WirePath } from '../../protocol/events.ts';
import { treeOf } from './bare.ts';
import { git, type GitCall } from './git.ts';
import { readDiff, type RawChange } from './raw-diff.ts';

/** A diff of the largest result on a slow machine; a result made to be slow ends here. */
const DIFF_TIMEOUT_MS = 5 * 60_000;
/**
 * Pairs of inexact renames grow with the square: over this many files on a side, only exact renames
 * are found. The patch is as good, only longer.
 */
const RENAME_LIMIT = 3_000;
/** The list itself: 100,000 files with long names take about 20 MB. */
const LIST_BYTES = 256 * 1024 * 1024;

const SAME_EVERYWHERE = [
  '-M',
  `-l${RENAME_LIMIT}`,
  '--full-index',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--ignore-submodules=none',
  '--end-of-options',
];

export async function makePatch(
  repo: string,
  from: string,
  to: string,
  maxBytes: number,
): Promise<{ bytes: Buffer; summary: PatchSummary; files: FileChange[] }> {
  const call: GitCall = { dir: repo, timeoutMs: DIFF_TIMEOUT_MS };
  const bytes = await diff(call, from, to, maxBytes);
  const changes = await listChanges(call, from, to);
  if (
    (bytes.length === 0 || changes.length === 0) &&
    (await treeOf(repo, from)) !== (await treeOf(repo, to))
  ) {
    throw new CodexError(
      'gitFailed',
      { command: 'diff', reason: 'empty' },
      { detail: 'no patch between two trees' },
    );
  }
  const sizes = await sizesOf(call, changes);
  const files = changes.map((change) => fileChange(change, sizes));
  return { bytes, files, summary: summarise(bytes, files) };
}

async function diff(call: GitCall, from: string, to: string, maxBytes: number): Promise<Buffer> {
  try {
    const { stdout } = await git(
      [
        'diff',
        '--binary',
        '--src-prefix=a/',
        '--dst-prefix=b/',
        '--submodule=short',
        ...SAME_EVERYWHERE,
        from,
        to,
      ],
      { ...call, maxOutputBytes: maxBytes },
    );
    return stdout;
  } catch (thrown) {
    if (thrown instanceof CodexError && thrown.code === 'limitReached') {
      throw new CodexError('patchTooLarge', { maxBytes });
    }
    throw thrown;
  }
}

export async function listChanges(call: GitCall, from: string, to: string): Promise<RawChange[]> {
  const { stdout } = await git(
    ['diff', '--raw', '--numstat', '-z', '--no-abbrev', ...SAME_EVERYWHERE, from, to],
    {
      ...call,
      maxOutputBytes: LIST_BYTES,
    },
  );
  return readDiff(stdout);
}

const ZERO = /^0+$/;
const SUBMODULE_MODE = '160000';

/** In bytes, by object id. */
export async function sizesOf(call: GitCall, changes: readonly RawChange[]): Promise<Map<string, number>> {
  const blobs = new Set<string>();
  for (const change of changes) {
    if (change.oldMode !== SUBMODULE_MODE && !ZERO.test(change.oldSha)) blobs.add(change.oldSha);
    if (change.newMode !== SUBMODULE_MODE && !ZERO.test(change.newSha)) blobs.add(change.newSha);
  }
  const shas = [...blobs];
  if (shas.length === 0) return new Map();
  const { stdout } = await git(['cat-file', '--batch-check=%(objectsize)', '--buffer'], {
    ...call,
    input: `${shas.join('\n')}\n`,
    maxOutputBytes: LIST_BYTES,
  });
  const lines = stdout.toString('latin1').split('\n');
  return new Map(shas.map((sha, index) => [sha, Number(lines[index])]));
}

/** A name as the wire has it: text, and its bytes too when they are not UTF-8. */
export function wirePath(name: Buffer): WirePath {
  const path = name.toString('utf8');
  return Buffer.from(path, 'utf8').equals(name) ? { path } : { path, bytes: name.toString('base64') };
}

function fileChange(change: RawChange, sizes: ReadonlyMap<string, number>): FileChange {
  const oldBytes = sizes.get(change.oldSha);
  const newBytes = sizes.get(change.newSha);
  return {
    path: wirePath(change.path),
    ...(change.from ? { from: wirePath(change.from) } : {}),
    kind: kindOf(change),
    ...(change.lines ? { added: change.lines.added, removed: change.lines.removed } : {}),
    binary: change.lines === null,
    oldMode: change.oldMode,
    newMode: change.newMode,
    ...(oldBytes === undefined ? {} : { oldBytes }),
    ...(newBytes === undefined ? {} : { newBytes }),
  };
}

function kindOf(change: RawChange): FileChange['kind'] {
  switch (change.status) {
    case 'A':
      return 'added';
    case 'D':
      return 'deleted';
    case 'R':
      return 'renamed';
    case 'C':
      return 'copied';
    case 'T':
      return 'typeChanged';
    case 'M':
      return change.oldSha === change.newSha ? 'modeChanged' : 'modified';
  }
}

function summarise(bytes: Buffer, files: readonly FileChange[]): PatchSummary {
  const sum = (of: (file: FileChange) => number) => files.reduce((total, file) => total + of(file), 0);
  return {
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    files: files.length,
    added: sum((file) => file.added ?? 0),
    removed: sum((file) => file.removed ?? 0),
    binaries: sum((file) => (file.binary ? 1 : 0)),
  };
}
