/**
 * The questions of one turn, as its owner puts them. The turn is `waiting` from the first open question to
 * the last answer; both changes are made in the owner's line of writes, so that they keep their order.
 */
import type { NewEvent } from '../../protocol/events.ts';
import type { Store, Tx } from '../store/store.ts';
import { askIn, wasAsked, type Approvals, type Asked } from './approvals.ts';
import type { TaskRow } from './rows.ts';
import { stopReason, type ApprovalDesk, type ApprovalQuestion } from './turn-context.ts';

export interface AskingDeps {
  approvals: Approvals;
  store: Store;
  of: { taskId: string; turn: number };
  /** The turn's. */
  signal: AbortSignal;
  redact: <T>(value: T) => T;
  write(
    events: readonly NewEvent[],
    also: (tx: Tx, add: (...events: NewEvent[]) => Promise<void>) => Promise<Partial<TaskRow> | undefined>,
    committed: () => void,
  ): Promise<void>;
  /** In a transaction; the change of the task's row. */
  toState: (tx: Tx, next: 'waiting' | 'running') => Promise<Partial<TaskRow> | undefined>;
  /** After it. */
  inState(next: 'waiting' | 'running'): void;
}

export interface Questions {
  desk: (attempt: number) => ApprovalDesk;
  /** Whether any waits for its answer. */
  isOpen: () => boolean;
}

export function askFor(deps: AskingDeps): Questions {
  const { approvals, store, of } = deps;
  const open = new Set<string>();

  async function ask(attempt: number, asked: ApprovalQuestion, stop: AbortSignal) {
    const { approvalId } = asked;
    const question = { ...tamed(asked, deps.redact), attempt };
    const { command, cwd, reason } = question;
    const expected = approvals.expect(of.taskId, approvalId, AbortSignal.any([stop, deps.signal]));
    try {
      let known: Asked | undefined;
      await deps.write(
        [],
        async (tx, add) => {
          known = await askIn(tx, of, question);
          if (known.kind === 'answered') return undefined;
          if (known.isNew) {
            const params = { approvalId, kind: 'command', command, cwd, reason };
            await add({ code: 'approval.requested', attempt, params });
          }
          return deps.toState(tx, 'waiting');
        },
        () => {
          if (known?.kind !== 'open') return;
          open.add(approvalId);
          deps.inState('waiting');
        },
      );
      if (known?.kind === 'answered') return known.answer;
      const answer = await expected.answer;
      await goOn(approvalId);
      return answer;
    } catch (error) {
      // What is there is still delivered, and that is no waiting; another owner asks it again.
      const reason = stopReason(deps.signal);
      if (reason === null || reason === 'cancelled') await goOn(approvalId).catch(() => {});
      throw error;
    } finally {
      expected.stop();
    }
  }

  async function goOn(approvalId: string): Promise<void> {
    if (!open.delete(approvalId)) return;
    let goesOn = false;
    await deps.write(
      [],
      async (tx) => {
        goesOn = open.size === 0;
        return goesOn ? deps.toState(tx, 'running') : undefined;
      },
      () => {
        if (goesOn) deps.inState('running');
      },
    );
  }

  return {
    desk: (attempt) => ({
      ask: (question, signal) => ask(attempt, question, signal),
      wasAsked: (approvalId) => store.read((db) => wasAsked(db, of.taskId, approvalId)),
    }),
    isOpen: () => open.size > 0,
  };
}

/** Without secrets; a command that has one in it is not remembered, since what is shown is not all of it. */
function tamed(question: ApprovalQuestion, redact: <T>(value: T) => T): ApprovalQuestion {
  const { command, cwd } = redact({ command: question.command, cwd: question.cwd });
  const isWhole = command === question.command && cwd === question.cwd;
  return { ...question, command, cwd, identity: isWhole ? question.identity : question.approvalId };
}
