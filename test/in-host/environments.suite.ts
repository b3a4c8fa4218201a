/** Environments inside a VS Code extension host: the page's tab, and scripts as files. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { ScriptFiles, SCRIPT_SCHEME } from '../../extension/environments/script-files.ts';
import { readEnvironmentFile } from '../../extension/environments/file.ts';
import type { Environments } from '../../extension/internet/environments.ts';
import { defaultEnvironment, type StoredEnvironment } from '../../protocol/environment.ts';
import { applyEdit, type EnvironmentEdit } from '../../protocol/environment-edit.ts';

function fakeEnvironments(first: StoredEnvironment) {
  const changed = new vscode.EventEmitter<void>();
  let environment = first;
  const edits: EnvironmentEdit[] = [];
  const fake = {
    onDidChange: changed.event,
    get all() {
      return [environment];
    },
    get: async () => environment,
    edit: async (_name: string, edit: EnvironmentEdit) => {
      edits.push(edit);
      environment = { ...applyEdit(environment, edit), updatedAt: environment.updatedAt + 1 };
      changed.fire();
      return environment;
    },
  };
  return { environments: fake as unknown as Environments, edits };
}

describe('Scripts of environments', () => {
  const stored = { ...defaultEnvironment('web'), setup: 'echo one\n', updatedAt: 1, updatedBy: 'me' };
  const uri = vscode.Uri.from({ scheme: SCRIPT_SCHEME, path: '/web/setup.sh' });

  it('are read from their environment and saved into that field alone', async () => {
    const { environments, edits } = fakeEnvironments(stored);
    const provider = new ScriptFiles(environments);
    try {
      assert.equal(Buffer.from(await provider.readFile(uri)).toString(), 'echo one\n');
      const before = await provider.stat(uri);
      await provider.writeFile(uri, Buffer.from('echo “two”\n'));
      assert.deepEqual(edits, [{ set: { setup: 'echo “two”\n' }, unset: [] }]);
      const after = await provider.stat(uri);
      assert.ok(after.mtime > before.mtime && after.size === Buffer.byteLength('echo “two”\n'));
      const maintenance = uri.with({ path: '/web/maintenance.sh' });
      assert.equal((await provider.readFile(maintenance)).length, 0);
    } finally {
      provider.dispose();
    }
  });

  it('are no other files', async () => {
    const provider = new ScriptFiles(fakeEnvironments(stored).environments);
    try {
      for (const path of ['/web/other.sh', '/web', '/']) {
        await assert.rejects(provider.stat(uri.with({ path })), vscode.FileSystemError);
      }
      assert.throws(() => provider.delete(uri), vscode.FileSystemError);
    } finally {
      provider.dispose();
    }
  });

  it('an open editor hears of a script that was changed elsewhere, and not of its own', async () => {
    const { environments } = fakeEnvironments(stored);
    const provider = new ScriptFiles(environments);
    try {
      const heard: string[] = [];
      provider.onDidChangeFile((changes) => heard.push(...changes.map((change) => change.uri.path)));
      await provider.readFile(uri);
      await provider.writeFile(uri, Buffer.from('mine'));
      assert.deepEqual(heard, []);
      await environments.edit('web', { set: { setup: 'theirs' }, unset: [] }, 2);
      assert.deepEqual(heard, ['/web/setup.sh']);
    } finally {
      provider.dispose();
    }
  });
});

describe('The environment file of a folder', () => {
  it('is read as it stands there; none, and one that is too long, are none', async () => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    assert.equal(await readEnvironmentFile(null), null);
    const uri = vscode.Uri.joinPath(folder.uri, '.codex/environment.yaml');
    assert.equal(await readEnvironmentFile(folder), null);
    try {
      await vscode.workspace.fs.writeFile(uri, Buffer.from('image: universal\n'));
      assert.deepEqual(await readEnvironmentFile(folder), {
        path: '.codex/environment.yaml',
        text: 'image: universal\n',
      });
      await vscode.workspace.fs.writeFile(uri, Buffer.alloc(300 * 1024, 'x'));
      assert.equal(await readEnvironmentFile(folder), null);
    } finally {
      await vscode.workspace.fs.delete(vscode.Uri.joinPath(folder.uri, '.codex'), { recursive: true });
    }
  });
});
