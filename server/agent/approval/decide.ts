/**
 * Whether a command may run, needs a person's answer, or is refused. Pure.
 *
 * In order: a denied command refuses the whole, an allowed whole runs, and then the policy decides. A script
 * is taken apart into the commands that it can run: one denied refuses all, all have to be allowed. What
 * can't be read for certain is never allowed in silence.
 */
import type { ApprovalReason } from '../../../protocol/approval.ts';
import type { Approval } from '../../../protocol/environment.ts';
import { allows, denies } from './patterns.ts';
import { Places } from './places.ts';
import { risksOf } from './risks.ts';
import { stepsOf, type Step } from './steps.ts';

export type Verdict =
  | { kind: 'run' }
  | { kind: 'ask'; reason: ApprovalReason }
  /** `rule`: the entry of the deny list. */
  | { kind: 'refuse'; why: 'denied'; rule: string }
  /** Some commands are denied, nobody is to be asked, and this one could be among them. */
  | { kind: 'refuse'; why: 'unreadable'; detail: string };

export interface Command {
  argv: readonly string[];
  cwd: string;
  workdir: string;
}

/** The one that is told when there are several: the gravest first. */
const ORDER: readonly ApprovalReason[] = [
  'publishes',
  'privilege',
  'deletes',
  'outside',
  'network',
  'unreadable',
];

export function decide(approval: Approval, command: Command): Verdict {
  const { policy, deny, allow } = approval;
  if (policy === 'never' && deny.length === 0) return { kind: 'run' };
  const { steps, hidden } = stepsOf(command.argv);

  let maybe = false;
  for (const { command: step } of steps) {
    if (step.words.length === 0) continue;
    for (const rule of deny) {
      const denied = denies(rule, step.words);
      if (denied === 'yes') return { kind: 'refuse', why: 'denied', rule };
      if (denied === 'maybe') maybe = true;
    }
  }
  const unclear = hidden ?? (maybe ? 'what it runs is put together when it runs' : null);
  if (policy === 'never') {
    return unclear === null ? { kind: 'run' } : { kind: 'refuse', why: 'unreadable', detail: unclear };
  }

  const places = new Places(command.workdir, command.cwd);
  const reasons = new Set<ApprovalReason>();
  /** What a redirection does no pattern speaks of. */
  const beside = new Set<ApprovalReason>();
  for (const { command: step, role } of steps) {
    const bare = { ...step, words: [] };
    for (const reason of risksOf(bare, places)) beside.add(reason);
    if (role !== 'wrapper') for (const reason of risksOf(step, places)) reasons.add(reason);
  }
  for (const reason of beside) reasons.add(reason);
  if (unclear !== null) reasons.add('unreadable');

  const checked = steps.filter(isChecked);
  const allowed =
    checked.length > 0 && checked.every(({ command: step }) => allow.some((one) => allows(one, step.words)));
  if (allowed && unclear === null && beside.size === 0) return { kind: 'run' };
  const reason = ORDER.find((one) => reasons.has(one));
  if (reason !== undefined) return { kind: 'ask', reason };
  return policy === 'always' ? { kind: 'ask', reason: 'always' } : { kind: 'run' };
}

function isChecked({ command, role }: Step): boolean {
  return role === 'plain' && command.words.length > 0;
}
