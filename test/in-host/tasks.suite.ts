/** The list: groups, one row for a task from the first moment on, and what its rows offer. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { TaskSummary } from '../../protocol/rpc.ts';
import { submitter, type SubmitOptions } from '../../extension/submit.ts';
import { TaskStore } from '../../extension/tasks/store.ts';
import { TaskTree } from '../../extension/tasks/tree.ts';

/** From the person’s Enter to VS Code being told of the row: what a person feels as at once. */
const SHOWN_WITHIN_MS = 100;

function summary(more: Partial<TaskSummary> = {}): TaskSummary {
  return {
    id: 'task0001',
    requestId: 'request-0001',
    title: 'Fix it',
    mode: 'code',
    repo: { repoId: 'repo0001', name: 'app', sha: '0'.repeat(40), includesLocal: false },
    attempts: 1,
    turns: 1,
    state: 'queued',
    review: 'none',
    archived: false,
    createdAt: 2,
    updatedAt: 2,
    lastSeq: 1,
    createdBy: 'me',
    ...more,
  };
}

describe('The task list', () => {
  it('shows what was submitted within 100 ms, before any backend has answered', async () => {
    const store = new TaskStore();
    const tree = new TaskTree(store, { isApplied: () => false, access: () => 'off' });
    const asked: string[] = [];
    const backend = {
      ready: () => {
        asked.push('backend');
        return new Promise<never>(() => undefined);
      },
    };
    const submit = submitter({ backend, store } as unknown as SubmitOptions);
    const folder: vscode.WorkspaceFolder = { name: 'app', uri: vscode.Uri.file('/app'), index: 0 };
    const start = performance.now();
    const shown = new Promise<number>((resolve) => {
      tree.onDidChangeTreeData(() => {
        asked.push('list');
        const [row] = tree.getChildren().flatMap((group) => tree.getChildren(group));
        assert.ok(row);
        assert.equal(tree.getTreeItem(row).label, 'Fix it');
        resolve(performance.now() - start);
      });
    });
    void submit({ requestId: 'request-0001', prompt: 'Fix it', mode: 'code', folder, includeLocal: false });
    assert.ok((await shown) < SHOWN_WITHIN_MS, `the row took ${await shown} ms`);
    assert.deepEqual(asked.slice(0, 2), ['list', 'backend']);
    tree.dispose();
  });

  it('shows a submitted task once, as it becomes one of the backend', () => {
    const store = new TaskStore();
    const tree = new TaskTree(store, { isApplied: () => false, access: () => 'off' });
    store.addPending({
      requestId: 'request-0001',
      title: 'Fix it',
      mode: 'code',
      repoName: 'app',
      stage: 'connecting',
      createdAt: 1,
    });
    const rows = () => tree.getChildren().flatMap((group) => tree.getChildren(group));
    const [pending] = rows();
    assert.ok(pending);
    const before = tree.getTreeItem(pending);

    store.changed(summary());
    assert.equal(rows().length, 1);
    const [row] = rows();
    assert.ok(row);
    const after = tree.getTreeItem(row);
    assert.equal(after.id, before.id);
    assert.equal(after.command?.command, 'codexTasks.openTask');
    tree.dispose();
  });

  it('puts tasks into their groups, newest first, and leaves out empty groups and archived tasks', () => {
    const store = new TaskStore();
    const tree = new TaskTree(store, { isApplied: (id) => id === 'task0003', access: () => 'off' });
    const patch = { bytes: 10, sha256: 'x', files: 2, added: 3, removed: 1, binaries: 0 };
    store.replaceAll([
      summary({ id: 'task0001', requestId: 'request-0001', state: 'running', phase: 'agent' }),
      summary({ id: 'task0002', requestId: 'request-0002', state: 'completed', review: 'open', patch }),
      summary({ id: 'task0003', requestId: 'request-0003', state: 'completed', review: 'applied', patch }),
      summary({ id: 'task0004', requestId: 'request-0004', state: 'running', createdAt: 9 }),
      summary({ id: 'task0005', requestId: 'request-0005', state: 'failed', archived: true }),
    ]);
    const groups = tree.getChildren().map((group) => ({
      id: tree.getTreeItem(group).id,
      rows: tree.getChildren(group).map((row) => tree.getTreeItem(row)),
    }));
    assert.deepEqual(
      groups.map(({ id, rows }) => [id, rows.map((row) => row.id)]),
      [
        ['group:running', ['row:request-0004', 'row:request-0001']],
        ['group:needsReview', ['row:request-0002']],
        ['group:done', ['row:request-0003']],
      ],
    );
    const [, review] = groups;
    assert.match(review?.rows[0]?.contextValue ?? '', /\bapply\b/);
    assert.equal(review?.rows[0]?.description, '+3 −1 · 2 files');
    assert.match(groups[2]?.rows[0]?.contextValue ?? '', /\bundo\b/);
    assert.ok(groups[0]?.rows[0]?.iconPath instanceof vscode.ThemeIcon);
    tree.dispose();
  });

  it('knows the group of each row, so that VS Code can reveal it', () => {
    const store = new TaskStore();
    const tree = new TaskTree(store, { isApplied: () => false, access: () => 'off' });
    store.replaceAll([summary()]);
    const [group] = tree.getChildren();
    const [row] = tree.getChildren(group);
    assert.ok(row && group);
    assert.equal(tree.getParent(row), group);
    assert.equal(tree.getParent(group), undefined);
    tree.dispose();
  });
});
