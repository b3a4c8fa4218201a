/**
 * A forge's REST API: a call goes out, is tried again where that can't do harm,
 * and comes back checked by a schema or as a `CodexError`.
 *
 * Redirects are followed by hand and only to the same origin, so that the token goes nowhere else.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { CodexError } from '../../../protocol/errors.ts';
import { meaningOf, type Asked } from '../../../protocol/forge-meaning.ts';
import { FORGE_ANSWER_BYTES, FORGE_PAGES_MOST, FORGE_WAIT_MS } from '../../../protocol/limits.ts';
import { Outlet } from '../../outlet.ts';
import { KeptAnswers } from './kept-answers.ts';
import { send, SendFailure, type Answer, type Method } from './send.ts';

/** Who a call is from. */
export interface Auth {
  /** Another one than `refused`, where `renews`; `theirTime` is what the forge's clock said then. */
  header(refused?: string, theirTime?: number): Promise<string>;
  renews: boolean;
  /** Where whoever owns it gives it more; null: it does not say. */
  settings?: () => Promise<string | null>;
  /** Whether nothing at all is allowed any more. */
  isShutOut?: () => Promise<boolean>;
}

export interface Call extends Omit<Asked, 'host'> {
  method?: Method;
  /** Below the API's address, with its query. */
  path: string;
  auth: Auth | null;
  body?: unknown;
  /** Doing it twice does the same as doing it once; of all but POST that is taken for granted. */
  repeatable?: boolean;
}

/** What the forges do differently. */
export interface Dialect {
  /** With every request. */
  headers: Record<string, string>;
  /** The types that are asked for. */
  json: string;
  diff: string;
}

export interface ApiOptions {
  host: string;
  apiUrl: string;
  /** Takes out of foreign words what must not be repeated. */
  hide: (text: string) => string;
  /** Whether it may be on this machine. */
  loopback: boolean;
  /** A list at the forge is longer than is read. */
  onCut?: (about: string) => void;
  signal?: AbortSignal;
  /** Of tests. */
  pause?: (ms: number) => Promise<void>;
}

/** How often what, and after which pauses. Of a POST that may have arrived nothing is sent again. */
const RETRIES = {
  unsent: { pausesMs: [200, 1_000], onlyRepeatable: false },
  broken: { pausesMs: [200, 1_000], onlyRepeatable: true },
  down: { pausesMs: [500, 2_000], onlyRepeatable: true },
} as const;
/** A forge that says “wait” again and again. */
const WAITS_MOST = 3;
/** As many as forges give. */
export const PAGE_ENTRIES = 100;
const REDIRECTS_MOST = 3;

interface Page {
  text: string;
  link: string | null;
}

export class ForgeApi {
  readonly #dialect: Dialect;
  readonly #options: ApiOptions;
  readonly #kept = new KeptAnswers();
  readonly #base: URL;
  readonly #outlet: Outlet;

  constructor(dialect: Dialect, options: ApiOptions) {
    this.#dialect = dialect;
    this.#options = options;
    this.#base = new URL(`${options.apiUrl.replace(/\/+$/, '')}/`);
    this.#outlet = new Outlet(this.#base, options);
  }

  async json<T>(schema: z.ZodType<T>, call: Call): Promise<T> {
    return this.#parse(schema, (await this.#page(call, this.#urlOf(call.path))).text);
  }

  /** Every page's entries, up to a bound. */
  async list<T>(schema: z.ZodType<T[]>, call: Call): Promise<T[]> {
    const found: T[] = [];
    let url: URL | null = this.#urlOf(call.path);
    url.searchParams.set('per_page', String(PAGE_ENTRIES));
    for (let pages = 0; url !== null; pages++) {
      if (pages === FORGE_PAGES_MOST) {
        this.#options.onCut?.(call.about ?? call.path);
        break;
      }
      const page: Page = await this.#page(call, url);
      found.push(...this.#parse(schema, page.text));
      url = this.#nextOf(page.link, url);
    }
    return found;
  }

  /** Throws forgeLinkTooLarge. */
  async diff(call: Call, maxBytes: number, shown: string): Promise<Buffer> {
    const tooLarge = new CodexError('forgeLinkTooLarge', { url: shown, maxBytes });
    try {
      const { status, body } = await this.#send(
        call,
        this.#urlOf(call.path),
        { accept: this.#dialect.diff },
        maxBytes,
      );
      if (status === 200) return body;
    } catch (error) {
      if (error instanceof SendFailure && error.kind === 'tooLarge') throw tooLarge;
      // What GitHub itself finds too large to show.
      if (error instanceof NotAcceptable) throw tooLarge;
      throw error;
    }
    throw this.#garbage('an answer without a diff');
  }

  #urlOf(path: string): URL {
    return new URL(path.replace(/^\/+/, ''), this.#base);
  }

  async #page(call: Call, url: URL): Promise<Page> {
    const isGet = (call.method ?? 'GET') === 'GET';
    const kept = isGet ? this.#kept.get(url.href) : null;
    const extra = { accept: this.#dialect.json, ...(kept ? { 'if-none-match': kept.etag } : {}) };
    let answer: Answer;
    try {
      answer = await this.#send(call, url, extra, FORGE_ANSWER_BYTES);
    } catch (error) {
      if (error instanceof SendFailure) throw this.#garbage(error.message);
      throw error instanceof NotAcceptable ? error.refused : error;
    }
    if (answer.status === 304) {
      if (kept) return kept;
      throw this.#garbage('304 for what was not asked for');
    }
    const page = { text: answer.body.toString('utf8'), link: answer.headers.get('link') };
    const etag = answer.headers.get('etag');
    if (isGet && etag !== null) this.#kept.keep(url.href, { ...page, etag });
    return page;
  }

  #parse<T>(schema: z.ZodType<T>, text: string): T {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw this.#garbage('no JSON');
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw this.#garbage(`${issue?.path.join('.') ?? ''}: ${issue?.code ?? ''}`);
  }

  #garbage(detail: string): CodexError {
    const { host } = this.#options;
    return new CodexError('forgeGarbage', { host }, { detail: `${host}: ${detail}` });
  }

  /**
   * `<https://…>; rel="next"`. A server that is reached by another name than it knows of itself leads elsewhere: then
   * that page is asked for where the last one was.
   */
  #nextOf(link: string | null, asked: URL): URL | null {
    const next = /<([^>]{1,2000})>\s*;\s*rel="next"/.exec(link ?? '')?.[1];
    const url = next !== undefined && URL.canParse(next) ? new URL(next) : null;
    if (url === null || url.origin === this.#base.origin) return url;
    const same = new URL(url.search, asked);
    return same.href === asked.href ? null : same;
  }

  async #send(call: Call, first: URL, extra: Record<string, string>, maxBytes: number) {
    const { host, hide, signal, pause = (ms: number) => pauseFor(ms, signal) } = this.#options;
    const { method = 'GET', auth, body } = call;
    const repeatable = call.repeatable ?? method !== 'POST';
    const tries = { unsent: 0, broken: 0, down: 0 };
    let [url, redirects, waits, waited] = [first, 0, 0, 0];
    let refused: string | undefined;
    let theirTime: number | undefined;
    /** Pauses, or throws what there is nothing more to try about. */
    const again = async (kind: keyof typeof RETRIES, error: CodexError): Promise<void> => {
      const { pausesMs, onlyRepeatable } = RETRIES[kind];
      const ms = onlyRepeatable && !repeatable ? undefined : pausesMs[tries[kind]++];
      if (ms === undefined || signal?.aborted) throw error;
      await pause(ms);
    };
    for (;;) {
      const token = await auth?.header(refused, theirTime);
      const headers: Record<string, string> = {
        'user-agent': 'codex-tasks',
        ...this.#dialect.headers,
        ...extra,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      };
      let answer: Answer;
      try {
        answer = await send(this.#outlet, {
          method,
          url,
          headers,
          maxBytes,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          ...(signal ? { signal } : {}),
        });
      } catch (error) {
        if (!(error instanceof SendFailure) || error.kind === 'tooLarge') throw error;
        await again(error.kind, new CodexError('forgeUnavailable', { host, reason: error.reason }));
        continue;
      }
      const reply = { ...answer, text: answer.status < 400 ? '' : answer.body.toString('utf8') };
      const meaning = meaningOf(reply, { ...call, host }, { now: Date.now(), hide });
      switch (meaning.kind) {
        case 'good':
        case 'unchanged':
          return answer;
        case 'moved': {
          const to = URL.canParse(meaning.to, url.href) ? new URL(meaning.to, url.href) : null;
          if (to?.origin !== this.#base.origin || ++redirects > REDIRECTS_MOST)
            throw this.#garbage('a redirect to elsewhere, or too many');
          url = to;
          break;
        }
        case 'limited':
          waited += meaning.waitMs;
          if (waited > FORGE_WAIT_MS || ++waits > WAITS_MOST) throw meaning.error;
          await pause(meaning.waitMs);
          break;
        case 'unauthorized':
          if (!auth?.renews || refused !== undefined) throw meaning.error;
          refused = token;
          theirTime = timeOf(answer.headers);
          break;
        case 'down':
          await again('down', meaning.error);
          break;
        case 'refused':
          if (answer.status === 406) throw new NotAcceptable(meaning.error);
          throw await withSettings(meaning.error, auth);
      }
    }
  }
}

function timeOf(headers: Headers): number | undefined {
  const at = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/** What is forbidden is told with where it can be allowed. */
export async function withSettings(
  error: CodexError,
  auth: Pick<Auth, 'settings' | 'isShutOut'> | null,
): Promise<CodexError> {
  if (error.code !== 'forgeForbidden' || !auth?.settings) return error;
  const { host = '', repo = '' } = error.wire.params;
  if (await auth.isShutOut?.().catch(() => false))
    return new CodexError(error.code, { host, repo, why: 'installation' }, { detail: error.message });
  const appSettings = await auth.settings().catch(() => null);
  if (appSettings === null) return error;
  return new CodexError(error.code, { ...error.wire.params, appSettings }, { detail: error.message });
}

async function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw new CodexError('shuttingDown');
  });
}

/** 406: it can't be shown as it was asked for. */
class NotAcceptable extends Error {
  readonly refused: CodexError;
  constructor(refused: CodexError) {
    super('not acceptable');
    this.refused = refused;
  }
}
