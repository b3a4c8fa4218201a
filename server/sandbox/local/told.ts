/** How a command that was ended for a limit is told: as in a container, where the kernel does it. */
import { CodexError } from '../../../protocol/errors.ts';
import type { LimitValues } from '../../../protocol/limits.ts';
import type { CommandResult } from '../sandbox.ts';
import type { OverLimit } from './watch.ts';

const GIB = 1024 ** 3;

/** Throws what ends the turn; what the agent can do something about is a result. */
export function endedFor(
  over: OverLimit | undefined,
  result: CommandResult,
  limits: Pick<LimitValues, 'sandboxDiskBytes' | 'sandboxPids'>,
): CommandResult {
  if (over === undefined || !endedByForce(result)) return result;
  switch (over) {
    case 'memory':
      return { ...result, end: 'outOfMemory' };
    case 'processes':
      return { ...result, reason: `it was ended: over ${limits.sandboxPids} processes ran in the sandbox` };
    case 'disk': {
      const limit = `${Math.round((limits.sandboxDiskBytes / GIB) * 10) / 10} GiB`;
      throw new CodexError('sandboxDiskFull', { limit }, { detail: `the sandbox holds over ${limit}` });
    }
  }
}

/** By a signal, or it reports that something it had started was. */
function endedByForce({ end, exitCode }: CommandResult): boolean {
  return end === 'signalled' || (end === 'exited' && exitCode !== 0);
}
