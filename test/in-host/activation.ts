import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';

const ID = 'codex-tasks.codex-tasks';
/** Twice the budget: the machines that run this are shared. */
const MAX_ACTIVATION_MS = 100;

interface Manifest {
  contributes: {
    commands: { command: string }[];
    configuration: { properties: Record<string, { scope?: string }> };
  };
}

function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension(ID);
  assert.ok(found, `${ID} is not installed`);
  return found;
}

describe('activation', () => {
  it('is quick', async () => {
    const startedAt = performance.now();
    await extension().activate();
    const took = performance.now() - startedAt;
    assert.ok(took < MAX_ACTIVATION_MS, `it took ${took.toFixed(0)} ms`);
  });

  it('registers every command of the manifest', async () => {
    const { contributes } = extension().packageJSON as Manifest;
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = contributes.commands
      .map(({ command }) => command)
      .filter((name) => !registered.has(name));
    assert.deepEqual(missing, []);
  });

  it('registers no command of ours that the manifest does not have', async () => {
    const { contributes } = extension().packageJSON as Manifest;
    const known = new Set(contributes.commands.map(({ command }) => command));
    const ours = (await vscode.commands.getCommands(true)).filter((name) =>
      /^codexTasks\.[a-zA-Z]+$/.test(name),
    );
    assert.deepEqual(
      ours.filter((name) => !known.has(name)),
      [],
    );
  });

  it('lets no workspace choose where tasks and keys go', () => {
    const { properties } = (extension().packageJSON as Manifest).contributes.configuration;
    for (const name of ['serverUrl', 'modelBaseUrl', 'sandbox', 'dataFolder']) {
      const scope = properties[`codexTasks.${name}`]?.scope;
      assert.ok(scope === 'application' || scope === 'machine', `${name} has the scope ${scope}`);
    }
  });
});
