/** Bytes and texts over the HTTP side. Every failure is a `CodexError`; every body has a cap. */
import type { ErrorCode } from '../../protocol/errors.ts';
import { CodexError, WireError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Fetch } from './types.ts';

export interface Request {
  url: string;
  token: string;
  fetch: Fetch;
  shown: string;
  signal?: AbortSignal;
}

/** A patch at its hard cap; a log is every command's kept output and can be as long. */
const BODY_MAX_BYTES = LIMITS.patchBytes.cap;

export async function getBytes(request: Request): Promise<Uint8Array> {
  const response = await get(request);
  return readBody(response, request);
}

export async function getText(request: Request): Promise<string> {
  return new TextDecoder().decode(await getBytes(request));
}

export async function putBytes(request: Request, bytes: Uint8Array): Promise<void> {
  await send(request, { method: 'PUT', body: new Uint8Array(bytes) });
}

function get(request: Request): Promise<Response> {
  return send(request, {});
}

async function send(
  { url, token, fetch, shown, signal }: Request,
  what: { method?: string; body?: Uint8Array<ArrayBuffer> },
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      ...what,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(what.body ? { 'content-type': 'application/octet-stream' } : {}),
      },
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw new CodexError('cancelled');
    throw new CodexError('backendUnreachable', { url: shown, reason: reasonOf(error) }, { cause: error });
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}

async function readBody(response: Response, { shown, signal }: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      const bytes: Uint8Array = chunk;
      size += bytes.length;
      if (size > BODY_MAX_BYTES)
        throw new CodexError('patchTooLarge', { bytes: size, maxBytes: BODY_MAX_BYTES });
      chunks.push(bytes);
    }
  } catch (error) {
    if (error instanceof CodexError) throw error;
    if (signal?.aborted) throw new CodexError('cancelled');
    throw new CodexError('backendUnreachable', { url: shown, reason: reasonOf(error) }, { cause: error });
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The backend's own error if it sent one, else what the status says. */
async function failureOf(response: Response): Promise<CodexError> {
  const body: unknown = await response.json().catch(() => null);
  const error: unknown = typeof body === 'object' && body !== null && 'error' in body ? body.error : body;
  const wire = WireError.safeParse(error);
  if (wire.success) return new CodexError(wire.data.code, wire.data.params);
  return new CodexError(codeOf(response.status), {}, { detail: `HTTP ${response.status}` });
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbiddenOrigin';
  if (status === 404) return 'notFound';
  if (status === 503) return 'shuttingDown';
  return status < 500 ? 'badRequest' : 'internal';
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message;
}
