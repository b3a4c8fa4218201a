/**
 * A commit of a plan, beside everything of the person's: blobs go into the object store byte for byte,
 * the tree is put together in an index of its own, and no ref is touched. No hook runs and no filter.
 *
 * The author is who git says the person is. It is not signed, whatever `commit.gpgSign` says, unless
 * asked for: a signature vouches for content, which the agent wrote and which may not be read yet, and
 * a key may want a passphrase from someone who is not there.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { chooseItems, openOf, resultsOf, setResult, type ChooseOptions } from '../apply/choose.ts';
import { contentOf, gitModeOf } from '../apply/state.ts';
import type { PathResult, WirePath } from '../apply/types.ts';
import { gitLine, runGit } from '../git/git.ts';
import { blobId, formatOfId } from '../patch/blob.ts';
import { bytesOfPath, pathKey } from '../patch/names.ts';
import type { CommitPlan } from './plan.ts';

export interface CommitOptions extends ChooseOptions {
  message: string;
  /** Named as `Co-authored-by` at the end of the message. */
  coAuthor?: { name: string; email: string };
  sign?: boolean;
  /** Also when some path can't be applied; without it, then nothing is. */
  partly?: boolean;
}

export interface Committed {
  results: PathResult[];
  /** Null when there is nothing to commit, or not all could be applied. */
  commit: string | null;
}

interface Entry {
  path: WirePath;
  mode: string;
  id: string;
  bytes?: Uint8Array;
}

/** An unexpected entry in the way ends it: what the plan did not see is never replaced. */
const INDEX_CONFIG = [
  'core.splitIndex=false',
  'index.sparse=false',
  'core.protectHFS=true',
  'core.protectNTFS=true',
];

/** Throws `CodexError` identityMissing | gitFailed. */
export async function commitPlan(planned: CommitPlan, options: CommitOptions): Promise<Committed> {
  const { root, start, plan } = planned;
  const choice = chooseItems(plan, options);
  const left = [...choice.results.values()].some(
    ({ status, reason }) => status !== 'applied' && reason !== 'runsByItself',
  );
  if (left && !options.partly) {
    for (const index of openOf(choice)) setResult(plan, choice, index, 'refused', 'allOrNothing');
  }
  const open = openOf(choice);
  if (open.length === 0) return { results: resultsOf(choice), commit: null };

  await identityMustBe(root);
  const { removed, written } = changesOf(planned, open);
  await writeBlobs(root, written);
  const tree = await writeTree(root, start, removed, written);
  const commit = await writeCommit(root, tree, start, options);
  for (const index of open) {
    setResult(plan, choice, index, plan.items[index]!.merged ? 'applied-modified' : 'applied');
  }
  return { results: resultsOf(choice), commit };
}

function changesOf(
  { start, plan, gitlinks }: CommitPlan,
  open: number[],
): { removed: WirePath[]; written: Entry[] } {
  const removed = new Map<string, WirePath>();
  const written = new Map<string, Entry>();
  for (const index of open) {
    for (const { path, after } of plan.planned[index]!.changes) {
      const bytes = contentOf(after);
      const mode = gitModeOf(after);
      if (bytes === null || mode === null) removed.set(pathKey(path), path);
      else written.set(pathKey(path), { path, mode, id: blobId(bytes, formatOfId(start)), bytes });
    }
    for (const { path, entry, bytes } of gitlinks.get(index)?.changes ?? []) {
      if (entry === null) removed.set(pathKey(path), path);
      else written.set(pathKey(path), { path, ...entry, ...(bytes ? { bytes } : {}) });
    }
  }
  return { removed: [...removed.values()], written: [...written.values()] };
}

/** All through one process, which says every id: what is stored is what was meant. */
async function writeBlobs(root: string, entries: Entry[]): Promise<void> {
  const blobs = new Map(
    entries.flatMap(({ id, bytes }) => (bytes === undefined ? [] : [[id, bytes] as const])),
  );
  if (blobs.size === 0) return;
  const input: Uint8Array[] = [];
  for (const [index, bytes] of [...blobs.values()].entries()) {
    input.push(Buffer.from(`blob\nmark :${index + 1}\ndata ${bytes.length}\n`), bytes, Buffer.from('\n'));
  }
  for (let mark = 1; mark <= blobs.size; mark++) input.push(Buffer.from(`get-mark :${mark}\n`));
  input.push(Buffer.from('done\n'));
  const { stdout } = await runGit(root, ['fast-import', '--quiet', '--done'], {
    input: Buffer.concat(input),
  });
  if (stdout.toString('latin1').trimEnd() !== [...blobs.keys()].join('\n'))
    throw new CodexError('gitFailed', { command: 'fast-import' }, { detail: 'a blob got another id' });
}

async function writeTree(
  root: string,
  start: string,
  removed: WirePath[],
  written: Entry[],
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-tasks-index-'));
  const call = { env: { GIT_INDEX_FILE: join(folder, 'index') }, config: INDEX_CONFIG };
  const none = '0'.repeat(start.length);
  const line = (mode: string, id: string, path: WirePath) => [
    Buffer.from(`${mode} ${id}\t`),
    bytesOfPath(path),
    Buffer.from([0]),
  ];
  try {
    await runGit(root, ['read-tree', start], call);
    // First what goes, so that a folder can become a file and a file a folder.
    const input = [
      ...removed.flatMap((path) => line('0', none, path)),
      ...written.flatMap(({ mode, id, path }) => line(mode, id, path)),
    ];
    await runGit(root, ['update-index', '-z', '--index-info'], { ...call, input: Buffer.concat(input) });
    return await gitLine(root, ['write-tree'], call);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeCommit(
  root: string,
  tree: string,
  parent: string,
  options: CommitOptions,
): Promise<string> {
  const signing = options.sign ? ['--gpg-sign'] : ['--no-gpg-sign'];
  return gitLine(root, ['commit-tree', ...signing, '-p', parent, tree], {
    config: ['i18n.commitEncoding=UTF-8', 'user.useConfigOnly=true'],
    input: messageOf(options),
  });
}

/** A name that git made up from the machine's is nobody's. */
async function identityMustBe(root: string): Promise<void> {
  for (const who of ['GIT_AUTHOR_IDENT', 'GIT_COMMITTER_IDENT']) {
    const { code } = await runGit(root, ['var', who], {
      config: ['user.useConfigOnly=true'],
      okCodes: [0, 128],
    });
    if (code !== 0) throw new CodexError('identityMissing');
  }
}

const TRAILER = /^[A-Za-z0-9-]+: \S/;

export function messageOf({ message, coAuthor }: Pick<CommitOptions, 'message' | 'coAuthor'>): string {
  const text = message.replaceAll('\0', '').replaceAll('\r\n', '\n').trim() || 'Apply a result';
  if (coAuthor === undefined) return `${text}\n`;
  const plain = (part: string) => part.replace(/[<>\0\n\r]/g, '').trim();
  const trailer = `Co-authored-by: ${plain(coAuthor.name)} <${plain(coAuthor.email)}>`;
  const lines = text.split('\n');
  if (lines.includes(trailer)) return `${text}\n`;
  const paragraph = lines.slice(lines.lastIndexOf('') + 1);
  const joins = lines.includes('') && paragraph.every((line) => TRAILER.test(line));
  return `${text}${joins ? '\n' : '\n\n'}${trailer}\n`;
}
