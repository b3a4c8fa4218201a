/**
 * Takes a result out of a sandbox: a pack from hostile hands becomes one commit of ours.
 *
 * In order: the pack is indexed strictly in a folder apart, against the task's own repository alone
 * (so it can lean on nothing that the task may not see); the tree must be in it, whole; whoever asked
 * for it looks at what is new; then the
 * pack moves into the trusted repository, the tree is committed on its parent, and the ref is set.
 * Until that last step nothing is reachable, and a pack that fails leaves nothing behind.
 */
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CodexError } from '../../protocol/errors.ts';
import { hasCommit, refExists, setRefs, treeOf } from './bare.ts';
import { newContents, type NewContent } from './contents.ts';
import { RESULT_INDEX_STRICTNESS } from './fsck.ts';
import { git, gitLine, type GitCall } from './git.ts';
import { throughQuarantine } from './quarantine.ts';

/** Also bounds a sandbox that stops sending. */
const TAKE_TIMEOUT_MS = 20 * 60_000;

/** One author for every result, so that a commit says who made it and asks for no configuration. */
const IDENTITY = {
  GIT_AUTHOR_NAME: 'Codex Tasks',
  GIT_AUTHOR_EMAIL: 'codex-tasks@localhost',
  GIT_COMMITTER_NAME: 'Codex Tasks',
  GIT_COMMITTER_EMAIL: 'codex-tasks@localhost',
} as const;

export interface ResultToTake {
  ref: string;
  parent: string;
  tree: string;
  pack: Readable;
  maxBytes: number;
  message: string;
  /** Looks at what is new before any of it is kept; what it throws leaves nothing behind. */
  inspect?: (files: AsyncIterable<NewContent>) => Promise<void>;
}

/** Returns the commit. `origin` must hold `parent`. The same result again is the same commit. */
export async function takeResultInto(repo: string, origin: string, result: ResultToTake): Promise<string> {
  if (!(await hasCommit(origin, result.parent)))
    throw new CodexError('commitMissing', { sha: result.parent });
  try {
    await throughQuarantine(repo, origin, async (quarantined) => {
      const apart: GitCall = { ...quarantined, timeoutMs: TAKE_TIMEOUT_MS };
      await indexPack(apart, result);
      await checkTree(apart, result);
      await result.inspect?.(newContents(apart, result.parent, result.tree));
    });
  } finally {
    result.pack.destroy();
  }
  return commit(repo, result);
}

async function indexPack(apart: GitCall, result: ResultToTake): Promise<void> {
  let size = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > result.maxBytes) done(new CodexError('patchTooLarge', { maxBytes: result.maxBytes }));
      else done(null, chunk);
    },
  });
  // Also when it broke before anybody listened; `counted` then has the error.
  pipeline(result.pack, counted).catch(() => {});
  try {
    await git(
      ['index-pack', '--stdin', '--fix-thin', RESULT_INDEX_STRICTNESS, `--max-input-size=${result.maxBytes}`],
      { ...apart, input: counted },
    );
  } catch (thrown) {
    const why = counted.errored;
    if (why instanceof CodexError) throw why;
    if (why) throw new CodexError('resultUnreadable', { reason: 'cut' }, { cause: why });
    // Nothing at all was sent: the tree must then be one that is there.
    if (size === 0) return;
    throw unreadable(thrown, 'pack');
  }
}

/** The tree and all it reaches are there: in the pack, or where the task could see them anyway. */
async function checkTree(apart: GitCall, result: ResultToTake): Promise<void> {
  try {
    const type = await gitLine(['cat-file', '-t', result.tree], apart);
    if (type !== 'tree') throw new CodexError('resultUnreadable', { reason: 'notATree' });
    await git(
      ['rev-list', '--objects', '--quiet', '--end-of-options', result.tree, `^${result.parent}`],
      apart,
    );
  } catch (thrown) {
    throw unreadable(thrown, 'tree');
  }
}

/** A failure of git over what came from outside is the result's fault, unless it is the machine's. */
function unreadable(thrown: unknown, reason: string): unknown {
  if (!(thrown instanceof CodexError) || thrown.code !== 'gitFailed') return thrown;
  return new CodexError('resultUnreadable', { reason }, { detail: thrown.message, cause: thrown });
}

async function commit(repo: string, result: ResultToTake): Promise<string> {
  if (await refExists(repo, result.ref)) {
    const [there, parent] = await Promise.all([
      treeOf(repo, result.ref),
      gitLine(['rev-parse', '--verify', `${result.ref}^1`], { dir: repo }),
    ]);
    if (there === result.tree && parent === result.parent) {
      return gitLine(['rev-parse', '--verify', result.ref], { dir: repo });
    }
  }
  const sha = await gitLine(['commit-tree', '-p', result.parent, result.tree], {
    dir: repo,
    env: IDENTITY,
    input: result.message,
  });
  await setRefs(repo, [{ ref: result.ref, to: sha }]);
  return sha;
}
