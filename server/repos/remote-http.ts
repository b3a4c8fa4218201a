/**
 * Git's smart HTTP as a client: one conversation with one repository at a forge. This is the only way in which the
 * backend's repositories reach out.
 *
 * Git packs and indexes on our side and never learns an address or a credential, so neither can stand in its
 * arguments, variables, configuration or messages; and what went wrong is known by status and system code instead of
 * by the text of an error. Where a connection may go is `outlet.ts`'s business. A redirect is never followed: the
 * credential is for this host, and a repository that was renamed is the business of whoever asks the forge for its name.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { CodexError, errorText, hasNoSpace } from '../../protocol/errors.ts';
import { FORGE_GIT_STALL_MS, FORGE_GIT_TIMEOUT_MS } from '../../protocol/limits.ts';
import { Outlet } from '../outlet.ts';
import { SAID_CHARS, basicPair, cleaner, type Clean } from './clean-text.ts';
import type { ObjectFormat } from './key.ts';
import {
  LIST_BYTES,
  PacketError,
  ServerSays,
  formatOf,
  readAdvertisement,
  type Advertisement,
} from './packets.ts';
import type { RemoteRepo } from './remote-types.ts';

/** How a connection that the other side has closed shows when it is written to. */
const STALE = new Set(['ECONNRESET', 'EPIPE']);

export type RemoteService = 'upload-pack' | 'receive-pack';

/** Forges tell git from browsers by the start of this name. */
const USER_AGENT = 'git/2 codex-tasks';

/** A connection that broke, however it was noticed. */
const CUT = 'ECONNRESET';
const CUTS = new Set([CUT, 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);

export interface RemoteTimes {
  /** Without a byte in either direction. */
  stallMs?: number;
  /** All of it. */
  totalMs?: number;
}

/**
 * Throws `forge…` errors, and cancelled when the signal ends it. Where the credential is refused and there is another
 * one, all of `work` is done once more with that.
 */
export async function withRemote<T>(
  remote: RemoteRepo,
  times: RemoteTimes,
  signal: AbortSignal | undefined,
  work: (line: RemoteLine) => Promise<T>,
): Promise<T> {
  try {
    return await onLine(remote, times, signal, work);
  } catch (thrown) {
    const { credential: refused, renewed } = remote;
    const isRefused = thrown instanceof CodexError && thrown.code === 'forgeUnauthorized';
    if (!isRefused || !refused || !renewed || signal?.aborted) throw thrown;
    const credential = await renewed(refused.password);
    if (credential.password === refused.password) throw thrown;
    return onLine({ ...remote, credential }, times, signal, work);
  }
}

async function onLine<T>(
  remote: RemoteRepo,
  times: RemoteTimes,
  signal: AbortSignal | undefined,
  work: (line: RemoteLine) => Promise<T>,
): Promise<T> {
  const line = new RemoteLine(remote, times, signal);
  try {
    signal?.throwIfAborted();
    return await work(line);
  } catch (thrown) {
    throw line.error(thrown);
  } finally {
    line.close();
  }
}

export class RemoteLine {
  readonly host: string;
  /** `owner/name`, for sentences. */
  readonly repo: string;
  /** What comes from there, fit to be shown. */
  readonly clean: Clean;
  /** Ends when the caller's does, or when all the time is used up. */
  readonly signal: AbortSignal;
  readonly #url: URL;
  readonly #authorization: string | undefined;
  readonly #outlet: Outlet;
  readonly #stallMs: number;
  readonly #callers: AbortSignal | undefined;
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #stalled = false;

  constructor(remote: RemoteRepo, times: RemoteTimes, signal: AbortSignal | undefined) {
    this.host = remote.host;
    this.#url = checkUrl(remote.url);
    this.repo = this.#url.pathname.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '');
    const { credential } = remote;
    this.#authorization = credential && `Basic ${basicPair(credential.username, credential.password)}`;
    this.clean = cleaner(credential, process.env);
    this.#stallMs = times.stallMs ?? FORGE_GIT_STALL_MS;
    this.#callers = signal;
    this.#timer = setTimeout(() => this.#end.abort(), times.totalMs ?? FORGE_GIT_TIMEOUT_MS);
    this.signal = signal ? AbortSignal.any([signal, this.#end.signal]) : this.#end.signal;
    this.#outlet = new Outlet(this.#url, remote);
  }

  /** What the repository has and can. Version 2 is asked for, a server that knows only 0 answers in that. */
  async advertisement(service: RemoteService, version: 0 | 2 = 0): Promise<Advertisement> {
    const response = await this.#request(
      'GET',
      `/info/refs?service=git-${service}`,
      service,
      versionOf(version),
    );
    try {
      return await readAdvertisement(this.#body(response, service, 'advertisement'));
    } finally {
      response.destroy();
    }
  }

  /** The answer's bytes; whoever does not read them to their end destroys them. */
  async call(service: RemoteService, body: Buffer | Readable, version: 0 | 2 = 0): Promise<IncomingMessage> {
    const headers = { 'content-type': `application/x-git-${service}-request`, ...versionOf(version) };
    const response = await this.#request('POST', `/git-${service}`, service, headers, body);
    return this.#body(response, service, 'result');
  }

  /**
   * Whether a request of this kind would be taken. Whoever may not push is told so here, instead of in the middle of
   * a stream that can't be repeated.
   */
  async probe(service: RemoteService): Promise<void> {
    const headers = { 'content-type': `application/x-git-${service}-request` };
    const response = await this.#request('POST', `/git-${service}`, service, headers, Buffer.from('0000'));
    await finished(response.resume());
  }

  /** As an error of ours. The cause is left out: what a proxy or a server said may repeat a credential. */
  error(thrown: unknown): unknown {
    const { host } = this;
    const detail = this.clean(errorText(thrown));
    if (this.#callers?.aborted) return new CodexError('cancelled', {}, { detail });
    if (this.#stalled || this.#end.signal.aborted)
      return new CodexError('forgeUnavailable', { host, reason: 'timeout' }, { detail });
    if (thrown instanceof CodexError) return thrown;
    if (thrown instanceof ServerSays) return new CodexError('forgeRefused', { host, reason: detail });
    if (thrown instanceof PacketError) return this.#unreadable(thrown, detail);
    if (!(thrown instanceof Error)) return thrown;
    const code = 'code' in thrown ? String(thrown.code) : undefined;
    // One with a path is about our own files.
    if (code === undefined || 'path' in thrown || hasNoSpace(thrown)) return thrown;
    if (code.startsWith('HPE_')) return new CodexError('forgeGarbage', { host }, { detail });
    const reason = CUTS.has(code) ? CUT : code;
    return new CodexError('forgeUnavailable', { host, reason }, { detail });
  }

  #unreadable({ how }: PacketError, detail: string): CodexError {
    const { host } = this;
    switch (how) {
      case 'cut':
        return new CodexError('forgeUnavailable', { host, reason: CUT }, { detail });
      case 'malformed':
        return new CodexError('forgeGarbage', { host }, { detail });
      case 'tooLong':
        return new CodexError('limitReached', { limit: 'forgeListBytes', value: LIST_BYTES }, { detail });
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#outlet.close();
  }

  async #request(
    method: 'GET' | 'POST',
    path: string,
    service: RemoteService,
    headers: Record<string, string>,
    body?: Buffer | Readable,
  ): Promise<IncomingMessage> {
    const target = new URL(`${this.#url.href.replace(/\/+$/, '')}${path}`);
    for (;;) {
      const response = await this.#send(method, target, headers, body);
      if (response === 'staleConnection') continue;
      if (response.statusCode !== 200) throw await this.#refusal(response, service);
      return response;
    }
  }

  /**
   * A server may close a connection that was kept just when it is used again. Then the request is sent once more,
   * on another one: reading is the same twice, and a push that did arrive is found by the branch.
   */
  #send(
    method: 'GET' | 'POST',
    target: URL,
    headers: Record<string, string>,
    body?: Buffer | Readable,
  ): Promise<IncomingMessage | 'staleConnection'> {
    return new Promise((resolve, reject) => {
      const isRepeatable = body === undefined || Buffer.isBuffer(body);
      const request = this.#outlet.request(target, {
        method,
        fresh: !isRepeatable,
        signal: this.signal,
        timeout: this.#stallMs,
        headers: {
          ...headers,
          'user-agent': USER_AGENT,
          accept: '*/*',
          ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
          ...(Buffer.isBuffer(body) ? { 'content-length': String(body.length) } : {}),
        },
      });
      request.once('response', resolve);
      // Stays: a connection that breaks after the answer has begun is the answer's to tell.
      request.on('error', (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && STALE.has(error.code ?? '') && !this.#stalled;
        if (isStale && isRepeatable) resolve('staleConnection');
        else reject(error);
      });
      request.once('timeout', () => {
        this.#stalled = true;
        request.destroy(new Error('no byte for too long'));
      });
      if (isRepeatable) request.end(body);
      else pipeline(body, request).catch(reject);
    });
  }

  async #refusal(response: IncomingMessage, service: RemoteService): Promise<CodexError> {
    const { host, repo } = this;
    const status = response.statusCode ?? 0;
    const said = await firstBytes(response);
    const detail = `${status}: ${this.clean(said)}`;
    const waits = Number(response.headers['retry-after']) * 1000;
    if (status === 429 || (status === 403 && (waits > 0 || /rate limit/i.test(said))))
      return new CodexError(
        'forgeRateLimited',
        { host, ...(waits > 0 ? { waitMs: waits } : {}) },
        { detail },
      );
    if (status === 401) return new CodexError('forgeUnauthorized', { host }, { detail });
    // No credential may write there.
    if (status === 403 && /\barchived\b/i.test(said))
      return new CodexError('forgeRefused', { host, reason: this.clean(said) }, { detail });
    if (status === 403) {
      const need = service === 'receive-pack' ? 'contents: write' : 'contents: read';
      return new CodexError('forgeForbidden', { host, repo, need }, { detail });
    }
    // A redirect says that it has another name or place now.
    if (status === 404 || status === 410 || (status >= 300 && status < 400))
      return new CodexError('forgeRepoUnknown', { host, repo }, { detail });
    if (status >= 500)
      return new CodexError('forgeUnavailable', { host, reason: `HTTP ${status}` }, { detail });
    return new CodexError('forgeRefused', { host, reason: `HTTP ${status}` }, { detail });
  }

  /** Nothing but what was asked for: not a page to sign in on, not git's older protocol of plain files. */
  #body(
    response: IncomingMessage,
    service: RemoteService,
    kind: 'advertisement' | 'result',
  ): IncomingMessage {
    const type = response.headers['content-type']?.split(';')[0]?.trim();
    const encoding = response.headers['content-encoding'] ?? 'identity';
    if (type === `application/x-git-${service}-${kind}` && encoding === 'identity') return response;
    response.destroy();
    throw new PacketError('malformed', `content type ${type ?? 'missing'}, ${encoding}`);
  }
}

/** Objects of one kind can't go into a repository of the other. */
export function checkFormat(line: RemoteLine, at: Advertisement, here: ObjectFormat): void {
  const there = formatOf(at);
  if (here !== there)
    throw new CodexError('forgeRefused', { host: line.host, why: 'objectFormat', there, here });
}

function versionOf(version: 0 | 2): Record<string, string> {
  return version === 2 ? { 'git-protocol': 'version=2' } : {};
}

function checkUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    !url ||
    (url.protocol !== 'https:' && url.protocol !== 'http:') ||
    url.username + url.password + url.search + url.hash !== ''
  )
    throw new CodexError('badRequest', { field: 'url' });
  return url;
}

async function firstBytes(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response) {
      text += (chunk as Buffer).toString('utf8');
      if (text.length > SAID_CHARS) break;
    }
  } catch {
    // The status says enough.
  }
  response.destroy();
  return text;
}
