/** Applying and undoing in the real editor: files on disk, and documents that nobody has saved. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { applyPlan, openCheckpoints, planApply, undoCheckpoint } from '../../client/apply/index.ts';
import { parsePatch } from '../../client/patch/index.ts';
import { openDocuments } from '../../extension/apply/documents.ts';

const TEXT = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n';

interface Scene {
  root: string;
  checkpoints: string;
  patch: Uint8Array;
  before: Map<string, string>;
}

/** A repository, and the patch of a change of text, of a binary file, a new binary and a deletion. */
async function scene(): Promise<Scene> {
  const base = await mkdtemp(join(tmpdir(), 'codex-in-host-'));
  const root = join(base, 'repo');
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-C', root, ...args], {
      maxBuffer: 1 << 24,
    });
  execFileSync('git', ['init', '-q', root]);
  await writeFile(join(root, 'text.txt'), TEXT);
  await writeFile(join(root, 'crlf.txt'), 'a\r\nb\r\nc\r\n');
  await writeFile(join(root, 'image.bin'), randomBytes(3000));
  await writeFile(join(root, 'gone.txt'), 'to be deleted\n');
  git('add', '-A');
  git('commit', '-q', '-m', 'base');
  const before = await digests(root);
  await writeFile(join(root, 'text.txt'), TEXT.replace('two', 'TWO'));
  await writeFile(join(root, 'crlf.txt'), 'a\r\nB\r\nc\r\n');
  await writeFile(join(root, 'image.bin'), randomBytes(3500));
  await writeFile(join(root, 'new.bin'), randomBytes(500));
  await rm(join(root, 'gone.txt'));
  git('add', '-A');
  const patch = git('diff', '--cached', '--binary', '--full-index', '-M');
  git('reset', '-q', '--hard');
  return { root, checkpoints: join(base, 'checkpoints'), patch, before };
}

async function digests(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of ['text.txt', 'crlf.txt', 'image.bin', 'gone.txt', 'new.bin']) {
    const bytes = await readFile(join(root, name)).catch(() => null);
    found.set(name, bytes ? createHash('sha256').update(bytes).digest('hex') : 'absent');
  }
  return found;
}

async function applyHere({ root, patch, checkpoints }: Scene) {
  const documents = openDocuments(root);
  const plan = await planApply(root, parsePatch(patch), { documents });
  return applyPlan(plan, { checkpoints: openCheckpoints(checkpoints), documents, info: { repo: root } });
}

async function openDirty(path: string, line: number, text: string): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(path);
  await vscode.window.showTextDocument(document, { preview: false });
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, new vscode.Position(line, 0), text);
  assert.ok(await vscode.workspace.applyEdit(edit));
  assert.ok(document.isDirty);
  return document;
}

describe('Applying a patch', () => {
  const scenes: Scene[] = [];
  const make = async () => {
    const made = await scene();
    scenes.push(made);
    return made;
  };
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    for (const { root } of scenes.splice(0)) await rm(join(root, '..'), { recursive: true, force: true });
  });

  it('writes text and binary files, and undo brings every byte back', async () => {
    const made = await make();
    const { results, checkpointId } = await applyHere(made);
    assert.deepEqual(
      results.map(({ status }) => status),
      results.map(() => 'applied'),
    );
    assert.match(await readFile(join(made.root, 'text.txt'), 'utf8'), /TWO/);
    assert.equal((await stat(join(made.root, 'new.bin'))).size, 500);
    assert.equal(await readFile(join(made.root, 'crlf.txt'), 'utf8'), 'a\r\nB\r\nc\r\n');

    assert.ok(checkpointId);
    const documents = openDocuments(made.root);
    await undoCheckpoint(openCheckpoints(made.checkpoints), checkpointId, { documents });
    assert.deepEqual(await digests(made.root), made.before);
  });

  it('changes an unsaved document and leaves it unsaved, the disk as it was', async () => {
    const made = await make();
    const path = join(made.root, 'text.txt');
    const document = await openDirty(path, 8, 'mine\n');
    const { results, checkpointId } = await applyHere(made);
    assert.equal(results.find((one) => one.path.path === 'text.txt')?.status, 'applied-unsaved');
    assert.equal(document.getText(), TEXT.replace('two', 'TWO').replace('nine', 'mine\nnine'));
    assert.ok(document.isDirty);
    assert.equal(await readFile(path, 'utf8'), TEXT);

    assert.ok(checkpointId);
    const documents = openDocuments(made.root);
    await undoCheckpoint(openCheckpoints(made.checkpoints), checkpointId, { documents });
    assert.equal(document.getText(), TEXT.replace('nine', 'mine\nnine'));
    assert.ok(document.isDirty);
    assert.deepEqual(await digests(made.root), made.before);
  });

  it('keeps the line ends of an unsaved document', async () => {
    const made = await make();
    const path = join(made.root, 'crlf.txt');
    const document = await openDirty(path, 3, 'mine\r\n');
    await applyHere(made);
    assert.equal(document.eol, vscode.EndOfLine.CRLF);
    assert.equal(document.getText(), 'a\r\nB\r\nc\r\nmine\r\n');
    assert.equal(await readFile(path, 'utf8'), 'a\r\nb\r\nc\r\n');
  });

  it('leaves an unsaved document alone where the change does not fit, and says so', async () => {
    const made = await make();
    const document = await vscode.workspace.openTextDocument(join(made.root, 'text.txt'));
    await vscode.window.showTextDocument(document, { preview: false });
    const edit = new vscode.WorkspaceEdit();
    edit.replace(document.uri, new vscode.Range(0, 0, 9, 0), 'something else\n');
    await vscode.workspace.applyEdit(edit);
    const { results } = await applyHere(made);
    assert.equal(results.find((one) => one.path.path === 'text.txt')?.status, 'conflict');
    assert.equal(document.getText(), 'something else\n');
  });

  it('shows a clean open document what is on disk now', async () => {
    const made = await make();
    const document = await vscode.workspace.openTextDocument(join(made.root, 'text.txt'));
    await vscode.window.showTextDocument(document, { preview: false });
    const changed = new Promise<void>((resolve) => {
      const listening = vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.document !== document || !document.getText().includes('TWO')) return;
        listening.dispose();
        resolve();
      });
    });
    const { results } = await applyHere(made);
    assert.equal(results.find((one) => one.path.path === 'text.txt')?.status, 'applied');
    await changed;
    assert.equal(document.isDirty, false);
  });
});
