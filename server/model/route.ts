/**
 * Which way requests go to one server: learnt from what it answers, remembered for the connection, never
 * asked again for each request. No I/O.
 */
import type { ModelSettings } from './model.ts';
import type { Failure, FailureKind } from './retries.ts';

export type Via = 'webSocket' | 'sse' | 'chat';

/** After an upgrade that failed for a reason that passes: until then the events come over HTTP. */
export const WEBSOCKET_PAUSE_MS = 10 * 60_000;

/** What a connection breaks with, as opposed to what a server answers. */
const BROKEN: ReadonlySet<FailureKind> = new Set(['streamCut', 'timeout', 'garbage']);

export class Route {
  #wire: 'responses' | 'chat' | 'unknown';
  #webSocket: 'untried' | 'works' | 'never';
  #pausedUntil = 0;

  constructor(settings: ModelSettings) {
    this.#wire = settings.wire ?? 'unknown';
    this.#webSocket = takesWebSockets(settings) ? 'untried' : 'never';
  }

  get speaksChat(): boolean {
    return this.#wire === 'chat';
  }

  next(now: number): Via {
    if (this.#wire === 'chat') return 'chat';
    return this.#webSocket !== 'never' && now >= this.#pausedUntil ? 'webSocket' : 'sse';
  }

  /** An event came this way. */
  answered(via: Via): void {
    if (via === 'chat') this.#wire = 'chat';
    else this.#wire = 'responses';
    if (via === 'webSocket') this.#webSocket = 'works';
  }

  /** The upgrade failed. A server that refused it would refuse it again. */
  noWebSocket(refused: boolean, now: number): void {
    if (refused) this.#webSocket = 'never';
    else this.#pausedUntil = now + WEBSOCKET_PAUSE_MS;
  }

  /** Whether a failure may be the WebSocket's and the same request is worth a try without one. */
  leavesWebSocket(via: Via, failure: Failure, triesLeft: boolean): boolean {
    if (via !== 'webSocket') return false;
    const unproven = this.#webSocket === 'untried' && failure.kind === 'badRequest';
    if (!unproven && (triesLeft || !BROKEN.has(failure.kind))) return false;
    this.#webSocket = 'never';
    return true;
  }

  /** Whether the answer looks like that of a server that has no Responses API. */
  isWorthChat(via: Via, failure: Failure): boolean {
    const status = failure.params['status'];
    return (
      via !== 'chat' &&
      this.#wire === 'unknown' &&
      failure.code !== 'model_not_found' &&
      (status === 404 || status === 405 || status === 501)
    );
  }
}

/** Unasked only where they are known to be taken. */
function takesWebSockets({ transport, baseUrl }: ModelSettings): boolean {
  if (transport !== undefined) return transport !== 'sse';
  return baseUrl === undefined || (URL.canParse(baseUrl) && new URL(baseUrl).host === 'api.openai.com');
}
