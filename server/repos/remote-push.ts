/**
 * Setting one branch at a forge to a commit of ours, never by force.
 *
 * In order: what stands there now must be what the caller expects, and the new commit must follow from it; git packs
 * what the forge lacks; the forge is told to change the branch from exactly that commit to the new one, which it
 * does in one step or not at all. When it refuses, another look at the branch says whether somebody was faster:
 * the words of a refusal differ by forge.
 */
import { Readable } from 'node:stream';
import { branchNameProblem } from '../../protocol/branch-name.ts';
import { CodexError } from '../../protocol/errors.ts';
import { hasCommit, present } from './bare.ts';
import { isAncestor } from './commit.ts';
import { gitError, spawnGit } from './git.ts';
import { PacketError, formatOf, readReport, type Advertisement } from './packets.ts';
import { objectFormatOf } from './key.ts';
import { packet } from './pkt-line.ts';
import { reasonOf, type Refusal } from './push-refusal.ts';
import { checkFormat, type RemoteLine } from './remote-http.ts';

/** Up to this a request says its length, as git's own does; beyond, it is sent piece by piece. */
const WHOLE_BYTES = 1024 * 1024;
/** What the forge says beside its report. */
const SAID_BYTES = 16 * 1024;
/** Packing a very large repository on a slow disk. */
const PACK_TIMEOUT_MS = 60 * 60_000;

const HEADS = 'refs/heads/';

export interface PushTo {
  branch: string;
  sha: string;
  expected: string | null;
  /** Another branch, without which nothing is to be pushed. */
  beside?: string;
}

export async function pushBranch(repo: string, line: RemoteLine, to: PushTo): Promise<void> {
  const at = await line.advertisement('receive-pack');
  checkFormat(line, at, objectFormatOf(to.sha));
  if (!at.capabilities.has('report-status'))
    throw new PacketError('malformed', 'a server that does not report');
  if (to.beside !== undefined && !at.refs.has(HEADS + to.beside)) throw notThere(line, to.beside);
  // An earlier try of which nobody heard the end.
  if (judge(at, to) === 'arrived') return;
  if (to.expected !== null && !(await follows(repo, to.expected, to.sha))) throw moved(to);

  const refusal = await send(repo, line, at, to);
  if (refusal === null) return;
  if (judge(await line.advertisement('receive-pack'), to) === 'arrived') return;
  throw refused(line, to, refusal);
}

/** Throws when something else stands there than was expected. */
function judge(at: Advertisement, to: PushTo): 'arrived' | 'asExpected' {
  const now = at.refs.get(`refs/heads/${to.branch}`) ?? null;
  if (now === to.sha) return 'arrived';
  if (now === to.expected && hasRoom(at, to)) return 'asExpected';
  throw now === null && to.expected !== null
    ? new CodexError('forgeBranchGone', { branch: to.branch })
    : moved(to);
}

/** Git keeps no branch where another's name begins with its name and a slash, nor the other way round. */
function hasRoom({ refs }: Advertisement, { branch, expected }: PushTo): boolean {
  if (expected !== null) return true;
  const there = [...refs.keys()].flatMap((ref) => (ref.startsWith(HEADS) ? ref.slice(HEADS.length) : []));
  return branchNameProblem(branch, there) === null;
}

async function follows(repo: string, expected: string, sha: string): Promise<boolean> {
  return (await hasCommit(repo, expected)) && isAncestor(repo, expected, sha);
}

function notThere({ host, repo }: RemoteLine, branch: string): CodexError {
  return new CodexError('forgeRefused', { host, repo, branch, why: 'noSuchBranch' });
}

function moved({ branch }: PushTo): CodexError {
  return new CodexError('forgeBranchMoved', { branch });
}

/** Null: done. */
async function send(repo: string, line: RemoteLine, at: Advertisement, to: PushTo): Promise<Refusal | null> {
  const ref = `refs/heads/${to.branch}`;
  const banded = at.capabilities.has('side-band-64k');
  const pack = packFor(repo, line, at, to);
  let said = Buffer.alloc(0);
  try {
    const head = await firstPart([Buffer.from(command(at, ref, to))], pack);
    if (!head.whole) await line.probe('receive-pack');
    const body = head.whole
      ? Buffer.concat(head.parts)
      : Readable.from(rest(head.parts, pack), { objectMode: false });
    const response = await line.call('receive-pack', body);
    try {
      const report = await readReport(response, banded, (text) => {
        said = Buffer.concat([said, text]).subarray(0, SAID_BYTES);
      });
      const outcome = report.refs.get(ref);
      if (report.unpack === 'ok' && outcome?.ok === true) return null;
      const reason = outcome?.ok === false ? outcome.reason : report.unpack;
      return { reason, said: said.toString('utf8') };
    } finally {
      response.destroy();
    }
  } finally {
    await pack.return(undefined);
  }
}

/** What is to be changed, from what to what: the forge holds it against what stands there. */
function command(at: Advertisement, ref: string, to: PushTo): string {
  const from = to.expected ?? '0'.repeat(to.sha.length);
  const can = ['report-status', 'side-band-64k', 'quiet'].filter((one) => at.capabilities.has(one));
  if (at.capabilities.has('object-format')) can.push(`object-format=${formatOf(at)}`);
  return `${packet(`${from} ${to.sha} ${ref}\0 ${can.join(' ')}`)}0000`;
}

async function* packFor(
  repo: string,
  line: RemoteLine,
  at: Advertisement,
  to: PushTo,
): AsyncGenerator<Buffer, void> {
  const theirs = new Set([...at.refs.values(), ...at.extra]);
  const here = await present(repo, [...new Set([to.sha, ...theirs])]);
  if (!here.includes(to.sha)) throw new CodexError('commitMissing', { sha: to.sha });
  const common = here.filter((id) => theirs.has(id));
  const args = [
    'pack-objects',
    '--quiet',
    '--revs',
    '--stdout',
    ...(at.capabilities.has('no-thin') ? [] : ['--thin']),
    ...(at.capabilities.has('ofs-delta') ? ['--delta-base-offset'] : []),
  ];
  const options = { dir: repo, signal: line.signal, timeoutMs: PACK_TIMEOUT_MS };
  const child = spawnGit(args, options);
  try {
    child.stdin.end([to.sha, ...common.map((id) => `^${id}`), ''].join('\n'));
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const { code, stderr } = await child.ended;
    // Half a pack must not end like a whole one.
    if (code !== 0) throw await gitError(args, options, child, code, stderr);
  } finally {
    child.kill();
    await child.ended.catch(() => {});
  }
}

/** As much as fits into one piece, and whether that is all. */
async function firstPart(
  parts: Buffer[],
  pack: AsyncGenerator<Buffer, void>,
): Promise<{ parts: Buffer[]; whole: boolean }> {
  let size = 0;
  for (;;) {
    const next = await pack.next();
    if (next.done) return { parts, whole: true };
    parts.push(next.value);
    size += next.value.length;
    if (size > WHOLE_BYTES) return { parts, whole: false };
  }
}

async function* rest(parts: readonly Buffer[], pack: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer> {
  yield* parts;
  yield* pack;
}

function refused(line: RemoteLine, { branch }: PushTo, refusal: Refusal): CodexError {
  const { host } = line;
  const { reason, path, isProtected } = reasonOf({
    reason: line.clean(refusal.reason),
    said: line.clean(refusal.said, SAID_BYTES),
  });
  return new CodexError('forgePushRefused', {
    host,
    branch,
    reason,
    ...(path === undefined ? {} : { path }),
    ...(isProtected ? { protectedBranch: branch } : {}),
  });
}
