/** A result in a folder that is no git repository, beside another one; and to a branch and a worktree of that. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { after, before } from 'node:test';
import { git } from '../../support/git.ts';
import { ChangesList } from '../harness/changes-list.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { addShop, CURRENCY, PRINT, SHELF, SHOP, SHOP_TEXT, shopWith, TAX } from '../harness/shop.ts';
import { listing } from '../harness/tree.ts';
import { eventually } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 90_000;
const WHOLE = shopWith(CURRENCY, TAX, SHELF, PRINT);
const BRANCH = 'codex/tidy-the-repository-up';

let session: Session;
let list: ChangesList;
/** No git repository, with the same files. */
let plain: string;
let plainAtStart: string[];
let repositoryAtStart: string[];

before(async () => {
  session = await openSession({
    script: 'changes.yaml',
    settings: { 'files.autoSave': 'off' },
    open: async (server, folder) => {
      addShop(folder);
      git(folder, ['config', 'user.name', 'A Person']);
      git(folder, ['config', 'user.email', 'person@example.com']);
      plain = await server.newFolder('plain');
      cpSync(folder, plain, { recursive: true });
      rmSync(join(plain, '.git'), { recursive: true });
      rmSync(join(plain, 'notes.txt'));
      const file = join(dirname(folder), 'both.code-workspace');
      writeFileSync(file, JSON.stringify({ folders: [{ path: plain }, { path: folder }] }));
      return server.workspaceUrl(file);
    },
  });
  const { window, backend, folder } = session;
  list = new ChangesList(window);
  [plainAtStart, repositoryAtStart] = [listing(plain), listing(folder)];
  await withEvidence(session, 'apply-to-connect', () => connect(window, backend.url, backend.token));
});
after(() => session?.close());

const shopOf = (folder: string) => readFileSync(join(folder, SHOP), 'utf8');

async function runTask(prompt: string): Promise<void> {
  const { window } = session;
  await window.runCommand('Codex: Ask');
  await window.waitForInput(/Ask about this repository/);
  await window.page.keyboard.press('Control+.');
  await window.answerInput(/Describe a task/, prompt);
  const page = await window.webview(`header h1:has-text("${prompt}")`, TASK_TIMEOUT_MS);
  await page.getByRole('button', { name: 'Apply 7 files' }).waitFor({ timeout: TASK_TIMEOUT_MS });
}

test('a folder without git takes a result change by change, and gives it back', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'apply-to-plain', async () => {
    await runTask('Tidy the plain folder up.');
    await window.runCommand('Codex: Show Changes');
    await list.makeRoom();
    await list.unfold(/^shop\.mjs/);
    await list.press(/^Line 10:/, 'Accept Change');
    await eventually('the change', async () => shopOf(plain) === shopWith(TAX));
    await window.runCommand('Codex: Accept All Changes');
    await window.dialog().getByText('1 file runs by itself.').waitFor();
    await window.answerDialog('Accept Them Too');
    await list.waitFor(/^Tidy the plain folder up\..*10 accepted/);
    assert.equal(shopOf(plain), WHOLE);
    assert.ok(existsSync(join(plain, '.vscode/tasks.json')));
    assert.ok(existsSync(join(plain, 'src/unit.mjs')) && !existsSync(join(plain, 'src/old-name.mjs')));
    assert.deepEqual(listing(folder), repositoryAtStart, 'the other folder is left alone');
    await window.screenshot('apply-to-plain-dark');
    await eventually('everything taken back', async () => {
      if (listing(plain).join() === plainAtStart.join()) return true;
      await window.runCommand('Codex: Undo Decision on Change');
      await new Promise((resolve) => setTimeout(resolve, 500));
      return false;
    });
  });
});

test('of two folders, the one that a task came from is changed', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'apply-to-second', async () => {
    await window.page.keyboard.press('Control+p');
    await window.quickInput.fill('notes.txt');
    await window.page
      .locator('.quick-input-list .monaco-list-row', { hasText: 'notes.txt' })
      .first()
      .waitFor();
    await window.acceptInput();
    await window.page.locator('.tab.active', { hasText: 'notes.txt' }).waitFor();
    await runTask('Tidy the repository up.');
    await window.runCommand('Codex: Apply Patch');
    await window.pick(/^Tidy the repository up/);
    await window.dialog().getByText('runs by itself').first().waitFor();
    await window.answerDialog('Leave Them Out');
    await eventually('the result', async () => shopOf(folder) === WHOLE);
    assert.deepEqual(listing(plain), plainAtStart, 'the other folder is left alone');
    await window.runCommand('Codex: Undo Apply');
    await eventually('the start', async () => listing(folder).join() === repositoryAtStart.join());
    await window.closeNotifications();
  });
});

test('a result goes to a new branch, with the folder as it was, and is taken away again', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'apply-to-branch', async () => {
    const page = await window.webview('header h1:has-text("Tidy the repository up.")');
    await page.getByRole('button', { name: 'Apply To…' }).click();
    await window.waitForInput(/Apply the result of “Tidy the repository up\.” to/);
    await window.screenshot('apply-to-where-dark');
    await window.pick(/New Branch/);
    await window.waitForInput(/Name of the New Branch/);
    assert.equal(await window.quickInput.inputValue(), BRANCH);
    await window.quickInput.fill('bad..name');
    await window.page.getByText('can’t hold “..”').waitFor();
    await window.screenshot('apply-to-name-dark');
    await window.quickInput.fill(BRANCH);
    await window.acceptInput();
    await window.dialog().getByText('runs by itself').first().waitFor();
    await window.answerDialog('Leave Them Out');
    await window.notification(/The result is on the new branch codex\/tidy-the-repository-up as commit/);
    assert.equal(`${git(folder, ['show', `${BRANCH}:${SHOP}`])}\n`, WHOLE);
    assert.equal(git(folder, ['rev-parse', `${BRANCH}^`]).length, 40);
    assert.equal(git(folder, ['symbolic-ref', '--short', 'HEAD']), 'main');
    assert.deepEqual(listing(folder), repositoryAtStart);
    await window.answerNotification(/on the new branch/, 'Undo');
    await window.notification(/The branch codex\/tidy-the-repository-up is taken away/);
    assert.equal(git(folder, ['branch', '--list', BRANCH]), '');
    await window.closeNotifications();
  });
});

test('a result goes to a new worktree, which the list of checkpoints takes away', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'apply-to-worktree', async () => {
    await window.runCommand('Codex: Apply To…');
    await window.pick(/^Tidy the repository up/);
    await window.pick(/New Worktree/);
    await window.waitForInput(/Folder of the New Worktree/);
    const made = await window.quickInput.inputValue();
    assert.equal(dirname(made), dirname(folder));
    await window.acceptInput();
    await window.waitForInput(/Branch of the New Worktree/);
    await window.acceptInput();
    await window.dialog().getByText('runs by itself').first().waitFor();
    await window.answerDialog('Leave Them Out');
    await window.notification(/not committed yet, on the new branch/);
    await window.screenshot('apply-to-worktree-dark');
    assert.equal(shopOf(made), WHOLE);
    assert.equal(shopOf(folder), SHOP_TEXT);
    await window.closeNotifications();

    await window.runCommand('Codex: Checkpoints…');
    await window.waitForInput(/\d+ checkpoints?, \d/);
    await window.screenshot('checkpoints-dark');
    await window.pick(/not committed yet, on the new branch/);
    await window.pick(/Undo/);
    await window.notification(/The worktree .* is taken away/);
    assert.ok(!existsSync(made));
    assert.equal(git(folder, ['worktree', 'list']).split('\n').length, 1);
    assert.deepEqual(listing(folder), repositoryAtStart);
  });
});
