/** Git over HTTP: `git http-backend` behind GitHub's rules about who may clone and push. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gitCallerOf, maySee } from './access.ts';
import { Refusal } from './answer.ts';
import { GIT_ENV } from './git.ts';
import { pushRules } from './git-hook.ts';
import { findRepo, fullName, type Repo, type World } from './state.ts';

export type GitRoute =
  'git refs upload-pack' | 'git refs receive-pack' | 'git upload-pack' | 'git receive-pack';

export interface GitRequest {
  route: GitRoute;
  owner: string;
  name: string;
  /** Below the repository, with its `/`. */
  rest: string;
  query: string;
}

/** Null: it is none of git's. */
export function gitRequestOf(method: string, url: URL): GitRequest | null {
  const match = /^\/(.+)\/([^/]+?)(?:\.git)?(\/(?:info\/refs|git-upload-pack|git-receive-pack))$/.exec(
    url.pathname,
  );
  if (!match) return null;
  const [, owner = '', name = '', rest = ''] = match;
  const service = rest === '/info/refs' ? url.searchParams.get('service') : rest.slice(1);
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack') return null;
  if (method !== (rest === '/info/refs' ? 'GET' : 'POST')) return null;
  const kind = service === 'git-upload-pack' ? 'upload-pack' : 'receive-pack';
  const route: GitRoute = rest === '/info/refs' ? `git refs ${kind}` : `git ${kind}`;
  return { route, owner, name, rest, query: url.search.slice(1) };
}

export interface GitAnswer {
  status: number;
  headers: Record<string, string>;
  body: Readable | Buffer;
}

/** Serves one request; a refusal is an answer too, as text, since git shows it line by line. */
export async function serveGit(
  world: World,
  asked: GitRequest,
  request: IncomingMessage,
  body: Readable,
): Promise<GitAnswer & { repo: Repo | null }> {
  try {
    const caller = gitCallerOf(world, request.headers.authorization);
    const found = findRepo(world, asked.owner, asked.name);
    if (!found || !maySee(caller, found.repo)) {
      throw new Refusal(caller.kind === 'nobody' ? 401 : 404, 'Repository not found.');
    }
    const { repo, moved } = found;
    if (moved && asked.rest === '/info/refs') {
      const location = `${world.url}/${fullName(repo)}.git${asked.rest}?${asked.query}`;
      return { status: 301, headers: { location }, body: Buffer.alloc(0), repo };
    }
    const push = asked.route.endsWith('receive-pack');
    const reason = join(world.folder, `reason-${process.hrtime.bigint()}`);
    const rules = push ? pushRules(world, repo, caller, reason) : {};
    const answer = await backend(world, repo, asked, request, body, rules);
    if (asked.route !== 'git receive-pack') return { ...answer, repo };

    const report = await whole(answer.body);
    const refused = existsSync(reason) ? readFileSync(reason, 'utf8') : null;
    rmSync(reason, { force: true });
    return { ...answer, body: refused === null ? report : reworded(report, refused), repo };
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return { ...refusal(thrown), repo: null };
  }
}

function refusal({ answer: { status }, message }: Refusal): GitAnswer {
  const text =
    message === 'Bad credentials'
      ? 'Invalid username or token. Password authentication is not supported for Git operations.'
      : message;
  return {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      ...(status === 401 ? { 'www-authenticate': 'Basic realm="GitHub"' } : {}),
    },
    body: Buffer.from(`${text}\n`),
  };
}

/** The common gateway interface of `git http-backend`; the body is decoded by it. */
async function backend(
  world: World,
  repo: Repo,
  asked: GitRequest,
  request: IncomingMessage,
  body: Readable,
  rules: Record<string, string>,
): Promise<GitAnswer> {
  const { headers } = request;
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      ...GIT_ENV,
      ...rules,
      GIT_PROJECT_ROOT: world.folder,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: `/${basename(repo.dir)}${asked.rest}`,
      REQUEST_METHOD: request.method ?? 'GET',
      QUERY_STRING: asked.query,
      CONTENT_TYPE: headers['content-type'] ?? '',
      REMOTE_ADDR: '127.0.0.1',
      ...(headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: headers['content-length'] }),
      ...(headers['content-encoding'] === undefined
        ? {}
        : { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
      ...(headers['git-protocol'] === undefined ? {} : { GIT_PROTOCOL: String(headers['git-protocol']) }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  pipeline(body, child.stdin).catch((thrown: NodeJS.ErrnoException) => {
    // Git may have had enough before the end. A request that was cut has to end git: it would read for ever.
    if (thrown.code !== 'EPIPE') endGroup(child.pid);
  });
  return readHead(child.stdout);
}

/** The whole of it: what is asked to run git is not what runs it. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

async function readHead(stdout: Readable): Promise<GitAnswer> {
  let head = Buffer.alloc(0);
  for (;;) {
    const end = head.indexOf('\r\n\r\n');
    if (end >= 0) {
      const rest = head.subarray(end + 4);
      if (rest.length > 0) stdout.unshift(rest);
      return { ...parseHead(head.subarray(0, end).toString('latin1')), body: stdout };
    }
    const chunk = stdout.read() as Buffer | null;
    if (chunk) head = Buffer.concat([head, chunk]);
    else if (stdout.readableEnded) return { status: 500, headers: {}, body: Buffer.alloc(0) };
    else await readableOrEnd(stdout);
  }
}

function readableOrEnd(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('readable', done).off('end', done).off('close', done);
      resolve();
    };
    stream.on('readable', done).on('end', done).on('close', done);
  });
}

function parseHead(text: string): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  for (const line of text.split('\r\n')) {
    const at = line.indexOf(':');
    headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
  }
  const status = Number(headers['status']?.split(' ')[0] ?? 200);
  delete headers['status'];
  return { status, headers };
}

export async function whole(body: Readable | Buffer): Promise<Buffer> {
  if (Buffer.isBuffer(body)) return body;
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Band 1 of a push's answer is its report; git has one word for a hook that refuses, GitHub has several. */
function reworded(answer: Buffer, reason: string): Buffer {
  const others: Buffer[] = [];
  const report: Buffer[] = [];
  for (const packet of packets(answer)) {
    if (packet[0] === 1) report.push(packet.subarray(1));
    else others.push(packet);
  }
  const lines = [...packets(Buffer.concat(report))].map((line) =>
    Buffer.from(line.toString('utf8').replace(/ pre-receive hook declined(\n?)$/, ` ${reason}$1`)),
  );
  const inner = Buffer.concat([...lines.map(packet), FLUSH]);
  return Buffer.concat([...others.map(packet), packet(Buffer.concat([Buffer.from([1]), inner])), FLUSH]);
}

const FLUSH = Buffer.from('0000');

function packet(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from((content.length + 4).toString(16).padStart(4, '0')), content]);
}

/** Their contents, without the flushes. */
function* packets(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = Number.parseInt(bytes.toString('latin1', at, at + 4), 16);
    if (length > 4) yield bytes.subarray(at + 4, at + length);
    at += Math.max(length, 4);
  }
}
