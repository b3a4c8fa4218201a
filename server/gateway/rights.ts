/**
 * What somebody may do: the one place that is asked, before every method of the RPC table. For now there is one
 * owner, who may everything; who they are is `auth.ts`.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { MethodName } from '../../protocol/rpc.ts';
import { OWNER, type Who } from './auth.ts';

/**
 * `look`: read what is there. `work`: have agents do something, and decide about what they did. `publish`: let
 * something of it leave for a forge. `manage`: settings, secrets and connections that are everybody's.
 */
export type Action = 'greet' | 'look' | 'work' | 'publish' | 'manage';

/** Typed so that no method can be missing. */
export const ACTIONS: Record<MethodName, Action> = {
  'server.hello': 'greet',
  'task.create': 'work',
  'task.get': 'look',
  'task.list': 'look',
  'task.rename': 'work',
  'task.cancel': 'work',
  'task.retry': 'work',
  'task.archive': 'work',
  'task.delete': 'work',
  'task.review': 'work',
  'task.subscribe': 'look',
  'task.unsubscribe': 'look',
  'task.egress': 'look',
  'turn.create': 'work',
  'turn.steer': 'work',
  'attempt.choose': 'work',
  'repo.resolve': 'work',
  'environment.list': 'look',
  'environment.get': 'look',
  'environment.put': 'manage',
  'environment.delete': 'manage',
  'environment.resetCache': 'manage',
  'environment.test': 'work',
  'environment.approveScript': 'manage',
  'secret.put': 'manage',
  'secret.delete': 'manage',
  'secret.list': 'manage',
  'secret.rotate': 'manage',
  'approval.answer': 'work',
  'approval.list': 'look',
  'terminal.open': 'work',
  'terminal.write': 'work',
  'terminal.resize': 'work',
  'terminal.close': 'work',
  'policy.allow': 'manage',
  'forge.list': 'look',
  'forge.connect': 'manage',
  'forge.disconnect': 'manage',
  'forge.startApp': 'manage',
  'forge.listTriggers': 'look',
  'forge.setTrigger': 'manage',
  'pullRequest.preview': 'look',
  'pullRequest.create': 'publish',
  'pullRequest.update': 'publish',
  'pullRequest.refresh': 'look',
  'pullRequest.feedback': 'look',
  'pullRequest.followUp': 'work',
  'pullRequest.record': 'publish',
  'model.list': 'look',
};

export function mayDo(who: Who, action: Action | undefined): boolean {
  return action !== undefined && who.id === OWNER.id;
}

/** Throws `CodexError` unauthorized. */
export function checkMay(who: Who, action: Action | undefined): void {
  if (!mayDo(who, action)) throw new CodexError('unauthorized');
}
