/** Which calls may be sent again when their socket was lost before the answer. */
import { CodexError } from '../../protocol/errors.ts';
import type { MethodName } from '../../protocol/rpc.ts';

/** Sending these twice would do something twice, or fail the second time. */
const SENT_ONCE: ReadonlySet<MethodName> = new Set([
  'task.retry',
  'task.delete',
  'terminal.open',
  'terminal.write',
]);

export function mayRepeat(method: MethodName, error: unknown): boolean {
  if (SENT_ONCE.has(method) || !(error instanceof CodexError)) return false;
  return error.code === 'backendUnreachable' || error.code === 'shuttingDown';
}
