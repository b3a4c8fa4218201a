/** Every command of ours: a name without its handler does not compile. */
import * as vscode from 'vscode';

/** Those of reviewing a result in the editor. */
export const CHANGES_COMMANDS = [
  'showChanges',
  'openChange',
  'openFile',
  'acceptChange',
  'rejectChange',
  'acceptAllChanges',
  'rejectAllChanges',
  'applySelectedChanges',
  'undoChange',
  'resolveConflict',
  'nextChange',
  'previousChange',
  'acceptSelectedLines',
  'rejectSelectedLines',
  'refreshChanges',
  'closeReview',
  'copyApplyCommand',
  'copyPatch',
  'savePatch',
  'addComment',
  'deleteComment',
  'sendComments',
] as const;
export type ChangesCommand = (typeof CHANGES_COMMANDS)[number];

/** Those of forges and pull requests. */
export const PULL_REQUEST_COMMANDS = [
  'connectForge',
  'answerComments',
  'createPullRequest',
  'openPullRequest',
  'followUpPullRequest',
] as const;
export type PullRequestCommand = (typeof PULL_REQUEST_COMMANDS)[number];

export const COMMAND_NAMES = [
  'ask',
  'switchMode',
  'newTask',
  'openTask',
  'applyPatch',
  'undoApply',
  'applyTo',
  'checkpoints',
  'cancelTask',
  'retryTask',
  'followUp',
  'openTerminal',
  'archiveTask',
  'reviewChanges',
  'chooseAttempt',
  'answerApproval',
  'environments',
  'internetAccess',
  'refresh',
  'connect',
  'setServerToken',
  'setApiKey',
  'startBackend',
  'stopBackend',
  'restartBackend',
  'showLogs',
  ...CHANGES_COMMANDS,
  ...PULL_REQUEST_COMMANDS,
] as const;
export type CommandName = (typeof COMMAND_NAMES)[number];
export type CommandId = `codexTasks.${CommandName}`;

/** The arguments are what a menu, a tree or a caller gives: they are checked by the handler. */
export type CommandHandlers = Record<
  CommandName,
  (argument?: unknown, ...more: unknown[]) => Promise<void> | void
>;

export function commandId(name: CommandName): CommandId {
  return `codexTasks.${name}`;
}

export function registerCommands(
  handlers: CommandHandlers,
  report: (thrown: unknown) => void,
): vscode.Disposable {
  const registered = COMMAND_NAMES.map((name) =>
    vscode.commands.registerCommand(commandId(name), async (...args: unknown[]) => {
      try {
        await handlers[name](...args);
      } catch (thrown) {
        report(thrown);
      }
    }),
  );
  return vscode.Disposable.from(...registered);
}

/** A command that VS Code brings itself. */
export async function runCommand(command: string, ...args: readonly unknown[]): Promise<void> {
  await vscode.commands.executeCommand(command, ...args);
}
