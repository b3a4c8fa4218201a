/**
 * Fetching from a forge into the trusted repository, as strictly as a client's push is taken: the pack is indexed in
 * a quarantine with `fsck`, under a limit that is counted while it arrives, and must be whole together with what is
 * here. Only then it moves in, and refs keep what was asked for.
 */
import { Readable } from 'node:stream';
import { CodexError } from '../../protocol/errors.ts';
import { hasCommit, objectFormat, setRefs } from './bare.ts';
import { FETCH_INDEX_STRICTNESS } from './fsck.ts';
import { git, type GitCall } from './git.ts';
import { PacketError, ServerSays, formatOf, readPack, readRefList, type Advertisement } from './packets.ts';
import { packet } from './pkt-line.ts';
import { throughQuarantine } from './quarantine.ts';
import { checkFormat, type RemoteLine } from './remote-http.ts';
import { findCommit } from './review.ts';
import { checkRefName, isCommitId } from './ref-names.ts';

/** As long as all the time that the conversation may take; its signal ends it earlier. */
const INDEX_TIMEOUT_MS = 60 * 60_000;
/**
 * What we say we have: the newest commits one by one, then every so many. The forge knows only some of them, and what
 * lies between two is sent once more, which costs less than asking in rounds.
 */
const HAVE_LOOK_AT = 20_000;
const HAVE_EACH = 256;
const HAVE_STEP = 64;

/** Refs by name; a pattern ends in `*`. */
export async function listRemoteRefs(
  line: RemoteLine,
  patterns: readonly string[],
): Promise<Map<string, string>> {
  for (const pattern of patterns) checkRefName(pattern.replace(/\*$/, 'x'));
  return askRefs(line, await line.advertisement('upload-pack', 2), patterns);
}

async function askRefs(
  line: RemoteLine,
  at: Advertisement,
  patterns: readonly string[],
): Promise<Map<string, string>> {
  const refs = at.version === 2 ? await lsRefs(line, at, patterns) : at.refs;
  const isWanted = (name: string) =>
    patterns.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
  return new Map([...refs].filter(([name]) => isWanted(name)));
}

async function lsRefs(
  line: RemoteLine,
  at: Advertisement,
  patterns: readonly string[],
): Promise<Map<string, string>> {
  const prefixes = patterns.map((one) => packet(`ref-prefix ${one.replace(/\*$/, '')}\n`));
  const response = await line.call(
    'upload-pack',
    Buffer.from(`${head2('ls-refs', at)}${prefixes.join('')}0000`),
    2,
  );
  try {
    return await readRefList(response);
  } finally {
    response.destroy();
  }
}

/** Full ref names and commit ids; returns the commits in their order. Each is kept by a ref, `keptBy`. */
export async function fetchInto(
  repo: string,
  line: RemoteLine,
  wanted: readonly string[],
  maxBytes: number,
  keptBy: (sha: string) => string,
): Promise<string[]> {
  const names = wanted.filter((one) => !isCommitId(one)).map(checkRefName);
  let ids = wanted;
  if (names.length > 0 || (await lacking(repo, wanted)).length > 0) {
    const at = await line.advertisement('upload-pack', 2);
    checkFormat(line, at, await objectFormat(repo));
    const refs = names.length === 0 ? new Map<string, string>() : await askRefs(line, at, names);
    const gone = names.find((name) => !refs.has(name));
    if (gone !== undefined)
      throw new CodexError('forgeBranchGone', { branch: gone.replace(/^refs\/heads\//, '') });
    ids = wanted.map((one) => refs.get(one) ?? one);
    const missing = await lacking(repo, ids);
    if (missing.length > 0) await fetchPack(repo, line, at, missing, maxBytes);
  }
  const commits: string[] = [];
  for (const id of ids) {
    // A tag with a message of its own is not the commit that it names.
    const commit = await findCommit(repo, id);
    if (commit === null) throw new CodexError('commitMissing', { sha: id });
    commits.push(commit);
  }
  await setRefs(
    repo,
    [...new Set(commits)].map((sha) => ({ ref: keptBy(sha), to: sha })),
  );
  return commits;
}

async function lacking(repo: string, ids: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const id of new Set(ids)) if (!(await hasCommit(repo, id))) missing.push(id);
  return missing;
}

async function fetchPack(
  repo: string,
  line: RemoteLine,
  at: Advertisement,
  ids: readonly string[],
  maxBytes: number,
): Promise<void> {
  const request = fetchRequest(at, ids, await haves(repo));
  const response = await line.call('upload-pack', Buffer.from(request), at.version);
  try {
    await throughQuarantine(repo, repo, async (quarantined) => {
      const apart: GitCall = { ...quarantined, timeoutMs: INDEX_TIMEOUT_MS, signal: line.signal };
      await indexPack(
        apart,
        readPack(response, at.version, () => {}),
        maxBytes,
      );
      await checkWhole(apart, ids);
    });
  } catch (thrown) {
    // The server names the id that it does not have, or does not give out.
    const sha = thrown instanceof ServerSays ? ids.find((id) => thrown.message.includes(id)) : undefined;
    throw sha === undefined ? thrown : new CodexError('commitMissing', { sha });
  } finally {
    response.destroy();
  }
}

async function indexPack(apart: GitCall, pack: AsyncIterable<Buffer>, maxBytes: number): Promise<void> {
  const source = pack[Symbol.asyncIterator]();
  let broken: unknown;
  let size = 0;
  // Where it fails is told apart: git that has had enough closes its end, which is thrown in at the `yield`.
  const next = async () => {
    try {
      const read = await source.next();
      if (read.done === true) return null;
      size += read.value.length;
      if (size > maxBytes) throw new CodexError('limitReached', { limit: 'pushBytes', value: maxBytes });
      return read.value;
    } catch (thrown) {
      broken = thrown;
      throw thrown;
    }
  };
  async function* counted(): AsyncGenerator<Buffer> {
    for (let data = await next(); data !== null; data = await next()) yield data;
  }
  try {
    await git(
      ['index-pack', '--stdin', '--fix-thin', FETCH_INDEX_STRICTNESS, `--max-input-size=${maxBytes}`],
      { ...apart, input: Readable.from(counted(), { objectMode: false }) },
    );
  } catch (thrown) {
    throw broken ?? unfit(thrown);
  }
}

/** Everything that what was asked for reaches is here: in the pack, or in the repository before. */
async function checkWhole(apart: GitCall, ids: readonly string[]): Promise<void> {
  try {
    await git(['rev-list', '--objects', '--quiet', ...ids, '--not', '--all'], apart);
  } catch (thrown) {
    throw unfit(thrown);
  }
}

/** A failure of git over what came from outside is the forge's fault, unless it is the machine's. */
function unfit(thrown: unknown): unknown {
  const isTheirs =
    thrown instanceof CodexError && thrown.code === 'gitFailed' && thrown.wire.params['reason'] === undefined;
  return isTheirs ? new PacketError('malformed', thrown.message) : thrown;
}

async function haves(repo: string): Promise<string[]> {
  const { stdout } = await git(['rev-list', '--all', `--max-count=${HAVE_LOOK_AT}`], { dir: repo });
  const commits = stdout.toString('latin1').split('\n').filter(Boolean);
  return commits.filter((_, index) => index < HAVE_EACH || index % HAVE_STEP === 0);
}

function fetchRequest(at: Advertisement, ids: readonly string[], have: readonly string[]): string {
  const lines = (of: readonly string[]) => of.map((line) => packet(`${line}\n`)).join('');
  const known = lines(have.map((id) => `have ${id}`));
  if (at.version === 2) {
    const options = lines(['thin-pack', 'no-progress', 'ofs-delta', ...ids.map((id) => `want ${id}`)]);
    return `${head2('fetch', at)}${options}${known}${lines(['done'])}0000`;
  }
  if (!at.capabilities.has('side-band-64k')) throw new PacketError('malformed', 'a server without bands');
  const can = ['side-band-64k', 'thin-pack', 'no-progress', 'ofs-delta'].filter((one) =>
    at.capabilities.has(one),
  );
  const wants = ids.map((id, index) => `want ${id}${index === 0 ? ` ${can.join(' ')}` : ''}`);
  return `${lines(wants)}0000${known}${lines(['done'])}`;
}

/** The start of a request of version 2, up to its delimiter. */
function head2(command: string, at: Advertisement): string {
  const format = at.capabilities.has('object-format') ? packet(`object-format=${formatOf(at)}`) : '';
  return `${packet(`command=${command}`)}${format}0001`;
}
