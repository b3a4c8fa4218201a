/** The extension as VS Code sees it: it activates, and what its manifest promises is there. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { COMMAND_NAMES, commandId } from '../../extension/platform/commands.ts';

/** Opening nothing must cost nothing; this is generous for a machine that does other things too. */
const ACTIVATION_BUDGET_MS = 1_000;

export function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension('codex-tasks.codex-tasks');
  assert.ok(found, 'The extension is not installed.');
  return found;
}

describe('The extension', () => {
  it('activates quickly', async () => {
    const start = performance.now();
    await extension().activate();
    assert.ok(extension().isActive);
    assert.ok(performance.now() - start < ACTIVATION_BUDGET_MS);
  });

  it('registers every command of its manifest', async () => {
    const manifest = extension().packageJSON as { contributes: { commands: { command: string }[] } };
    const registered = new Set(await vscode.commands.getCommands(true));
    for (const { command } of manifest.contributes.commands) assert.ok(registered.has(command), command);
    for (const name of COMMAND_NAMES) assert.ok(registered.has(commandId(name)), name);
  });

  it('has its views, and opens no connection by itself', async () => {
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.ok(registered.has('codexTasks.composer.focus'));
    assert.ok(registered.has('codexTasks.tasks.focus'));
    assert.equal(vscode.workspace.getConfiguration('codexTasks').get('serverUrl'), '');
  });

  it('shows the composer', async () => {
    await vscode.commands.executeCommand('codexTasks.composer.focus');
    await vscode.commands.executeCommand('codexTasks.newTask');
  });

  it('reads settings of the application only from the person', () => {
    const inspected = vscode.workspace.getConfiguration('codexTasks').inspect('serverUrl');
    assert.equal(inspected?.workspaceValue, undefined);
  });
});
