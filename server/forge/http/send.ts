/**
 * One HTTP request to a forge, and its whole answer: capped in size while it is read, with a time limit, redirects
 * not followed. What goes wrong below HTTP has a reason of one word and never what was sent.
 */
import { FORGE_REQUEST_MS } from '../../../protocol/limits.ts';

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT';

export interface Sent {
  method: Method;
  url: URL;
  headers: Record<string, string>;
  body?: string;
  maxBytes: number;
  signal?: AbortSignal;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Buffer;
}

export class SendFailure extends Error {
  override readonly name = 'SendFailure';
  /** `unsent`: it surely did not arrive. `broken`: it may have. */
  readonly kind: 'unsent' | 'broken' | 'tooLarge';
  /** The system's code. */
  readonly reason: string;

  constructor(kind: SendFailure['kind'], reason: string) {
    super(`${kind}: ${reason}`);
    this.kind = kind;
    this.reason = reason;
  }
}

export async function send({ method, url, headers, body, maxBytes, signal }: Sent): Promise<Answer> {
  const timeout = AbortSignal.timeout(FORGE_REQUEST_MS);
  try {
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
      ...(body === undefined ? {} : { body }),
    });
    const { status, headers: answered } = response;
    return { status, headers: answered, body: await readCapped(response, maxBytes) };
  } catch (error) {
    if (error instanceof SendFailure) throw error;
    if (timeout.aborted) throw new SendFailure('broken', 'timeout');
    const reason = codeOf(error);
    throw new SendFailure(UNSENT.has(reason) ? 'unsent' : 'broken', reason);
  }
}

async function readCapped(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels what is still to come.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw new SendFailure('tooLarge', String(maxBytes));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Before a connection there is nobody who could have read the request. */
const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Of the error or what caused it; a text of theirs could repeat what was sent. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'network';
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && /^[A-Z0-9_]{2,60}$/.test(code)) return code;
  return error.cause === undefined ? 'network' : codeOf(error.cause);
}
