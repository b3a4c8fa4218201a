/** What an engine that refuses, or does not answer, is to the rest of the backend. */
import { CodexError, errorText } from '../../../protocol/errors.ts';
import { DoorRefused } from '../door.ts';

/** An engine that accepts the connection and never answers counts as none. */
export const ENGINE_TIMEOUT_MS = 5_000;
/** Where a task would fail otherwise, or its sandbox be lost; an engine that is not there refuses at once. */
export const BUSY_ENGINE_TIMEOUT_MS = 30_000;

/** The engine's status; 0 when there was no answer at all. */
export function statusOf(error: unknown): number {
  return (error as { statusCode?: number } | null)?.statusCode ?? 0;
}

/** `name`: of the sandbox that it is about. */
export function asCodexError(error: unknown, name: string, signal?: AbortSignal): unknown {
  if (error instanceof CodexError) return error;
  if (signal?.aborted) return new CodexError('cancelled', {}, { cause: error });
  const detail = `${name}: ${errorText(error)}`;
  if (error instanceof DoorRefused)
    return new CodexError('generationSuperseded', {}, { detail, cause: error });
  // Without a status the engine itself went away.
  const code = statusOf(error) === 0 ? 'sandboxUnavailable' : 'sandboxStartFailed';
  return new CodexError(code, { detail }, { detail, cause: error });
}

export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
