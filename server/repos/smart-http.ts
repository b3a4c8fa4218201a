/**
 * Git's smart HTTP over repositories of ours: `git upload-pack` and `git receive-pack` spawned with
 * `--stateless-rpc`, bytes passed through in both directions.
 *
 * In order: which service is asked for, the request's body (gzip too) under its limit, for a push
 * its ref commands, judged before git sees them, then git. A client that goes away takes its git
 * process with it. Who may come here at all is the gateway's business.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { CodexError, errorText, type ErrorCode } from '../../protocol/errors.ts';
import { KILL_GRACE_MS } from '../../protocol/limits.ts';
import { feed, gitError, spawnGit, type GitProcess } from './git.ts';
import { RECEIVE_FSCK_CONFIG } from './fsck.ts';
import { MAX_COMMAND_BYTES, mayPush, packet, readCommands } from './pkt-line.ts';

export type Service = 'upload-pack' | 'receive-pack';

/** What a fetch may ask: wants and haves of a very large repository stay far below this. */
const FETCH_REQUEST_BYTES = 32 * 1024 * 1024;
/** A slow link with a large repository; only a process that does nothing for ever must end. */
const SERVICE_TIMEOUT_MS = 60 * 60_000;
/** How long a refused client may go on sending before its connection is cut. */
const DRAIN_MS = 5_000;
/** `version=2` and what may come; as git's own `http-backend` passes it. */
const GIT_PROTOCOL = /^[a-z0-9=:.-]{1,100}$/;

export interface Served {
  /** The bare repository. */
  dir: string;
  services: readonly Service[];
  maxPushBytes: number;
  config?: readonly string[];
}

/** `rest` is the path after the repository's own, with or without its query. */
export async function serveGit(
  served: Served,
  rest: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const asked = route(rest, request);
    if (!asked || !served.services.includes(asked.service)) throw new CodexError('notFound');
    response.setHeader('cache-control', 'no-cache, max-age=0, must-revalidate');
    if (asked.kind === 'advertisement') await advertise(served, asked.service, request, response);
    else await call(served, asked.service, request, response);
  } catch (thrown) {
    refuse(thrown, request, response);
  }
}

function route(
  rest: string,
  request: IncomingMessage,
): { kind: 'advertisement' | 'call'; service: Service } | null {
  const [path = '', ownQuery] = rest.split('?', 2);
  const query = new URLSearchParams(ownQuery ?? request.url?.split('?', 2)[1] ?? '');
  switch (`${request.method ?? ''} ${path.replace(/^\/?/, '/')}`) {
    case 'GET /info/refs': {
      // Without a service it would be the dumb protocol, which serves files as they lie there.
      const service = query.get('service');
      if (service === 'git-upload-pack') return { kind: 'advertisement', service: 'upload-pack' };
      if (service === 'git-receive-pack') return { kind: 'advertisement', service: 'receive-pack' };
      return null;
    }
    case 'POST /git-upload-pack':
      return { kind: 'call', service: 'upload-pack' };
    case 'POST /git-receive-pack':
      return { kind: 'call', service: 'receive-pack' };
    default:
      return null;
  }
}

function start(
  served: Served,
  service: Service,
  request: IncomingMessage,
  advertisement: boolean,
): GitProcess {
  const asked = request.headers['git-protocol'];
  const protocol = typeof asked === 'string' && GIT_PROTOCOL.test(asked) ? asked : undefined;
  const args = [service, '--stateless-rpc', ...(advertisement ? ['--advertise-refs'] : []), served.dir];
  const config = [
    ...(service === 'receive-pack' ? receiveConfig(served.maxPushBytes) : []),
    ...(served.config ?? []),
  ];
  return spawnGit(args, {
    dir: served.dir,
    config,
    timeoutMs: SERVICE_TIMEOUT_MS,
    env: protocol === undefined ? {} : { GIT_PROTOCOL: protocol },
  });
}

/** What git itself enforces on a push, whatever was judged before. */
function receiveConfig(maxPushBytes: number): string[] {
  return [
    ...RECEIVE_FSCK_CONFIG,
    `receive.maxInputSize=${maxPushBytes}`,
    'receive.denyDeletes=true',
    'receive.denyNonFastForwards=true',
    'receive.shallowUpdate=false',
    'receive.advertisePushOptions=false',
    'receive.updateServerInfo=false',
    'receive.hideRefs=refs',
    'receive.hideRefs=!refs/codex/in',
  ];
}

async function advertise(
  served: Served,
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const child = start(served, service, request, true);
  child.stdin.end();
  const version2 =
    service === 'upload-pack' && /(^|:)version=2(:|$)/.test(String(request.headers['git-protocol']));
  const head = version2 ? '' : `${packet(`# service=git-${service}\n`)}0000`;
  await answer(served, service, child, response, `application/x-git-${service}-advertisement`, head);
}

async function call(
  served: Served,
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.headers['content-type'] !== `application/x-git-${service}-request`) {
    throw new CodexError('badRequest', { field: 'content-type' });
  }
  const limit = service === 'receive-pack' ? served.maxPushBytes : FETCH_REQUEST_BYTES;
  let body: Readable = readBody(request, limit);
  if (service === 'receive-pack') body = await judgePush(body);

  const child = start(served, service, request, false);
  let bodyError: Error | undefined;
  const fed = feed(child.stdin, body).then((broken) => {
    if (broken === undefined) return;
    bodyError = broken;
    void end(service, child);
  });
  try {
    await answer(served, service, child, response, `application/x-git-${service}-result`, '', async () => {
      // A push is answered once it has come whole, so that one over the limit can still be told
      // so. What git prints until then is its progress, a few kilobytes.
      if (service === 'receive-pack') await fed;
      return bodyError;
    });
  } finally {
    body.destroy();
    await fed;
  }
}

/** The body as git wants it: decoded, and an error once it passes the limit. */
function readBody(request: IncomingMessage, limitBytes: number): Readable {
  let size = 0;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > limitBytes) done(new CodexError('pushTooLarge', { maxBytes: limitBytes }));
      else done(null, chunk);
    },
  });
  // Whoever reads `limited` gets its errors; a reader that gave up must not make them fatal.
  limited.on('error', () => {});
  const encoding = request.headers['content-encoding'] ?? 'identity';
  const failed = (thrown: unknown) => limited.destroy(thrown as Error);
  switch (encoding) {
    case 'identity':
      pipeline(request, limited, { end: true }).catch(failed);
      return limited;
    case 'gzip':
    case 'x-gzip':
      pipeline(request, createGunzip(), limited).catch(failed);
      return limited;
    default:
      throw new CodexError('badRequest', { field: 'content-encoding' });
  }
}

/** Reads the ref commands, refuses what may not be pushed, and gives back the whole body. */
async function judgePush(body: Readable): Promise<Readable> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  for (;;) {
    const next = await chunks.next();
    if (next.done)
      throw new CodexError('badRequest', { field: 'body' }, { detail: 'a push that ends in its commands' });
    head = Buffer.concat([head, next.value]);
    const read = readCommands(head);
    if (read.state === 'malformed') {
      throw new CodexError('badRequest', { field: 'body' }, { detail: read.reason });
    }
    if (read.state === 'complete') {
      const forbidden = read.commands.find((command) => !mayPush(command));
      if (forbidden) throw new CodexError('pushRefused', { ref: forbidden.ref });
      break;
    }
    if (head.length > MAX_COMMAND_BYTES) {
      throw new CodexError('badRequest', { field: 'body' }, { detail: 'too long a list of refs' });
    }
  }
  const first = head;
  async function* whole(): AsyncGenerator<Buffer> {
    yield first;
    for (;;) {
      const next = await chunks.next();
      if (next.done) return;
      yield next.value;
    }
  }
  return Readable.from(whole(), { objectMode: false });
}

/** Passes git's output on. The status is decided by its first byte: before that, a failure can be told. */
async function answer(
  served: Served,
  service: Service,
  child: GitProcess,
  response: ServerResponse,
  contentType: string,
  head: string,
  bodyError: () => Promise<Error | undefined> = async () => undefined,
): Promise<void> {
  const gone = () => {
    if (!response.writableFinished) void end(service, child);
  };
  response.once('close', gone);
  try {
    let started = false;
    let failed: Error | undefined;
    for await (const chunk of child.stdout) {
      if (!started) failed ??= await bodyError();
      // Read on to the end: git tidies up only while somebody listens.
      if (failed !== undefined || response.destroyed) continue;
      if (!started) {
        started = true;
        response.writeHead(200, { 'content-type': contentType });
        response.write(head);
      }
      if (!response.write(chunk as Buffer)) await drained(response);
    }
    const { code, stderr } = await child.ended;
    failed ??= await bodyError();
    if (failed !== undefined) throw failed;
    if (response.destroyed) return;
    if (code !== 0) throw await gitError([service], { dir: served.dir }, child, code, stderr);
    // A probe (a lone flush) is answered with nothing.
    if (!started) response.writeHead(200, { 'content-type': contentType });
    response.end(started ? undefined : head);
  } finally {
    response.off('close', gone);
    // Its temporary objects are gone before the client hears of a failure.
    await end(service, child);
  }
}

/**
 * A push that lost its client ends by the end of its input: killed, `receive-pack` would race with
 * its own `index-pack` and leave temporary objects behind. A fetch has nothing to tidy up.
 */
async function end(service: Service, child: GitProcess): Promise<void> {
  if (service === 'upload-pack') child.kill();
  child.stdin.destroy();
  const last = setTimeout(() => child.kill(), KILL_GRACE_MS);
  await child.ended.catch(() => {});
  clearTimeout(last);
}

async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  notFound: 404,
  repoUnknown: 404,
  pushRefused: 403,
  pushTooLarge: 413,
  badRequest: 400,
  limitReached: 503,
  diskFull: 507,
};

/** Says why, as far as that can still be said, and lets the client read it before the line is cut. */
export function refuse(thrown: unknown, request: IncomingMessage, response: ServerResponse): void {
  const error =
    thrown instanceof CodexError ? thrown : new CodexError('internal', {}, { detail: errorText(thrown) });
  if (response.headersSent || response.destroyed) {
    // Half an answer must not look like a whole one.
    response.destroy();
    return;
  }
  response.writeHead(STATUS[error.code] ?? 500, {
    'content-type': 'text/plain; charset=utf-8',
    connection: 'close',
  });
  response.end(`${error.code}\n`);
  if (request.readableEnded) return;
  request.unpipe();
  request.resume();
  const cut = setTimeout(() => request.destroy(), DRAIN_MS);
  cut.unref();
  request.once('close', () => clearTimeout(cut));
}
