/**
 * Before a command runs: is it allowed, asked about, or refused? What is decided is `approval/`'s affair;
 * here a person is asked, under the call's own id, so that a question is asked once whatever restarts.
 */
import { createHash } from 'node:crypto';
import { APPROVAL_COMMAND_BYTES, type ApprovalAnswer, type ApprovalReason } from '../../protocol/approval.ts';
import type { Approval } from '../../protocol/environment.ts';
import { decide, type Verdict } from './approval/decide.ts';
import type { ShellCommand } from './read-call.ts';

export interface ApprovalQuestion {
  /** The call's. */
  approvalId: string;
  /** The same for the same command in the same folder, asked about for the same reason. */
  identity: string;
  command: string;
  cwd: string;
  reason: ApprovalReason;
}

/** Who can be asked. */
export interface ApprovalDesk {
  /**
   * The answer that was given already, else the person's. Durable before it can be seen; asked once per id.
   * Rejects when the signal is aborted.
   */
  ask(question: ApprovalQuestion, signal: AbortSignal): Promise<ApprovalAnswer>;
  /** Whether this call was asked about, answered or not. */
  wasAsked(approvalId: string): Promise<boolean>;
}

export interface Approving {
  policy: Approval;
  desk: ApprovalDesk;
}

export type Approved =
  /** `asked`: by a person's word. */
  | { kind: 'run'; asked: boolean }
  /** `reason`: for the model. */
  | { kind: 'denied'; reason: string };

export async function approved(
  { policy, desk }: Approving,
  id: string,
  command: ShellCommand,
  workdir: string,
  signal: AbortSignal,
): Promise<Approved> {
  const { argv, cwd, display } = command;
  const verdict = decide(policy, { argv, cwd, workdir });
  if (verdict.kind === 'run') return { kind: 'run', asked: false };
  if (verdict.kind === 'refuse') return { kind: 'denied', reason: refusal(verdict) };
  if (Buffer.byteLength(JSON.stringify([display, cwd])) > APPROVAL_COMMAND_BYTES) {
    return { kind: 'denied', reason: TOO_LONG };
  }
  const { reason } = verdict;
  const identity = createHash('sha256')
    .update(JSON.stringify([argv, cwd, reason]))
    .digest('hex');
  const answer = await desk.ask({ approvalId: id, identity, command: display, cwd, reason }, signal);
  switch (answer) {
    case 'once':
    case 'task':
      return { kind: 'run', asked: true };
    case 'never':
      return { kind: 'denied', reason: 'the person was asked and said no' };
  }
}

const TOO_LONG =
  'it needs a person’s word and is too long to be looked at (put what is long into a file, in parts, and run that)';

function refusal(verdict: Extract<Verdict, { kind: 'refuse' }>): string {
  switch (verdict.why) {
    case 'denied':
      return `commands of this kind are denied here (“${verdict.rule}”)`;
    case 'unreadable':
      return `some commands are denied here, and what this one would run is not certain: ${verdict.detail} (write it plainly, each command by its name)`;
  }
}
