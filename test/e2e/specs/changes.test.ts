/** A result reviewed piece by piece in the real editor: by list, lens, gutter, keys and lines, and back again. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import type { Frame } from 'playwright-core';
import { git } from '../../support/git.ts';
import { ChangesList } from '../harness/changes-list.ts';
import { Editor } from '../harness/editor.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import {
  addShop,
  CURRENCY,
  PRINT,
  SHELF,
  SHOP,
  SHOP_TEXT,
  shopWith,
  TAX,
  type Edit,
} from '../harness/shop.ts';
import { listing } from '../harness/tree.ts';
import { eventually, THEMES, type Theme } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 90_000;
const DOWN = 'Alt+ArrowDown';
const ACCEPT = 'Alt+Enter';
const REJECT = 'Alt+Backspace';
const UNDO = 'Alt+z';

let session: Session;
let list: ChangesList;
let editor: Editor;
let atStart: string[];

before(async () => {
  // In a browser VS Code saves what is typed after a second.
  session = await openSession({ script: 'changes.yaml', settings: { 'files.autoSave': 'off' } });
  const { window, backend, folder } = session;
  list = new ChangesList(window);
  editor = new Editor(window, 'shop.mjs');
  addShop(folder);
  atStart = listing(folder);
  await withEvidence(session, 'changes-task', async () => {
    await connect(window, backend.url, backend.token);
    await window.runCommand('Codex: Ask');
    await window.waitForInput(/Ask about this repository/);
    await window.page.keyboard.press('Control+.');
    await window.answerInput(/Describe a task/, 'Tidy the shop up.');
    await (
      await taskPage()
    )
      .getByRole('button', { name: 'Apply 7 files' })
      .waitFor({ timeout: TASK_TIMEOUT_MS });
  });
});
after(() => session?.close());

const taskPage = () => session.window.webview('header h1', TASK_TIMEOUT_MS);
const shop = () => readFileSync(join(session.folder, SHOP), 'utf8');
async function shopBecomes(...edits: Edit[]): Promise<void> {
  const wanted = shopWith(...edits);
  await eventually('the file as wanted', async () => shop() === wanted).catch(() => undefined);
  assert.equal(shop(), wanted);
}

async function undoAll(): Promise<void> {
  const { window } = session;
  await eventually('everything taken back', async () => {
    if (listing(session.folder).join() === atStart.join()) return true;
    await window.runCommand('Codex: Undo Decision on Change');
    await new Promise((resolve) => setTimeout(resolve, 500));
    return false;
  });
}

test('before anything is written, all files are shown at once, and each for what it is', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'changes-preview', async () => {
    await window.runCommand('Codex: Show Changes');
    await window.page.locator('.tab', { hasText: 'Changes of' }).waitFor();
    await list.makeRoom();
    await list.waitFor(/^src\/shop\.mjs, modified, 7 lines added, 6 lines removed/);
    const rows = await list.rows();
    for (const says of [
      /^Tidy the shop up\., 10 changes/,
      /^\.vscode\/tasks\.json, added/,
      /^assets\/logo\.png, modified, binary/,
      /^docs\/new\.txt, added/,
      /^docs\/obsolete\.txt, deleted/,
      /^src\/old-name\.mjs to src\/unit\.mjs, renamed/,
      /^tool\.sh, executable/,
    ])
      assert.ok(
        rows.some((row) => says.test(row)),
        `${says} among\n${rows.join('\n')}`,
      );
    // The new text of a file that is not there yet, from the backend.
    await editor.line('A family').waitFor();
    for (const theme of Object.keys(THEMES) as Theme[]) {
      await window.useTheme(theme);
      await window.screenshot(`changes-all-${theme}`);
    }
    await window.useTheme('dark');

    await list.click(/logo\.png/);
    const images = await eventually('two images', async () => {
      const frames = window.page.frames();
      const counts = await Promise.all(
        frames.map((frame) =>
          frame
            .locator('body.ready img')
            .count()
            .catch(() => 0),
        ),
      );
      const shown = frames.filter((_, index) => counts[index]! > 0);
      return shown.length === 2 ? shown : false;
    });
    const widths = await Promise.all(
      images.map((frame) =>
        frame
          .locator('img')
          .first()
          .evaluate((one) => (one as HTMLImageElement).naturalWidth),
      ),
    );
    assert.deepEqual(widths, [48, 48]);
    await window.screenshot('changes-image-dark');
    assert.deepEqual(listing(folder), atStart, 'nothing was written');
  });
});

test('in the list, a change, a file and a binary are decided by mouse', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'changes-list', async () => {
    await list.unfold(/^shop\.mjs/);
    await list.press(/^Line 10:/, 'Accept Change');
    await shopBecomes(TAX);
    await list.waitFor(/^Line 10:.*accepted/);
    await list.press(/^Line 1:/, 'Reject Change');
    await list.waitFor(/^Line 1:.*rejected/);
    await shopBecomes(TAX);

    await list.tick(/^logo\.png/);
    await list.waitFor(/^assets\/logo\.png.*accepted/);
    assert.notDeepEqual(
      listing(folder).find((one) => one.endsWith('logo.png')),
      atStart.find((one) => one.endsWith('logo.png')),
    );
    await list.tick(/^unit\.mjs/);
    await eventually('the new name', async () =>
      listing(folder).some((one) => one.endsWith(' src/unit.mjs')),
    );
    assert.ok(!listing(folder).some((one) => one.endsWith('old-name.mjs')));
    await list.tick(/^tool\.sh/);
    await eventually('the mode', async () => listing(folder).some((one) => /^file x .* tool\.sh$/.test(one)));
    await window.screenshot('changes-list-dark');
    assert.equal(git(folder, ['diff', '--cached', '--name-only']), '', 'the index is the person’s');

    // Accepted once more by hand is nothing; what runs by itself wants a yes of its own.
    await list.tick(/^tasks\.json/);
    await window.dialog().getByText('1 file runs by itself.').waitFor();
    await window.answerDialog('Cancel');
    assert.ok(!listing(folder).some((one) => one.endsWith('.vscode/tasks.json')));
    await list.tick(/^logo\.png/);
    await list.waitFor(/^assets\/logo\.png.*rejected/);
    assert.equal(
      listing(folder).find((one) => one.endsWith('logo.png')),
      atStart.find((one) => one.endsWith('logo.png')),
    );
    await undoAll();
  });
});

test('in the editor, changes are decided by lens, keys and Quick Fix', async () => {
  const { window } = session;
  await withEvidence(session, 'changes-editor', async () => {
    await list.click(/^Line 1:/);
    await editor.lens('+3 −3, not in the file yet').waitFor();
    await window.screenshot('changes-lens-dark');
    await editor.lens('+3 −3').getByText('Accept', { exact: true }).click();
    await shopBecomes(SHELF);

    await editor.goTo(1);
    await editor.chord(DOWN);
    await editor.at(10);
    await editor.chord(ACCEPT);
    await shopBecomes(SHELF, TAX);
    await editor.chord(DOWN);
    await editor.at(29);
    await editor.chord(REJECT);
    await list.waitFor(/^Line 29:.*rejected/);
    await shopBecomes(SHELF, TAX);
    await editor.chord(UNDO);
    await list.waitFor(/^Line 29:.*(?<!rejected)$/);
    await editor.goTo(29);
    await window.page.keyboard.press('Control+.');
    await window.page.getByText('Accept the change of Codex').waitFor();
    await window.screenshot('changes-fix-dark');
    await window.page.keyboard.press('Enter');
    await shopBecomes(SHELF, TAX, PRINT);
    await editor.chord(UNDO);
    await shopBecomes(SHELF, TAX);
    await undoAll();
  });
});

test('of a change, only the selected lines are taken', async () => {
  const { window } = session;
  await withEvidence(session, 'changes-lines', async () => {
    await editor.goTo(17);
    await window.page.keyboard.press('Shift+ArrowDown');
    await editor.chord(ACCEPT);
    await shopBecomes(['two = 2;', 'two = 20;']);
    await list.waitFor(/^Line 17:.*accepted/);
    await list.waitFor(/^Line 18:.*\+1 −1$/);
    await window.screenshot('changes-lines-dark');
    await undoAll();
  });
});

test('an unsaved document is neither overwritten nor saved', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'changes-unsaved', async () => {
    await editor.goTo(24);
    await window.page.keyboard.press('End');
    await window.page.keyboard.type(' // mine');
    await list.press(/^Line 10:/, 'Accept Change');
    await editor.line('1.077').waitFor();
    await editor.line('// mine').waitFor();
    assert.equal(shop(), SHOP_TEXT, 'what is on the disk waits for the person');
    await window.screenshot('changes-unsaved-dark');
    await window.runCommand('File: Save');
    const mine: Edit = ['same(price) {\n  return price;', 'same(price) {\n  return price; // mine'];
    await shopBecomes(TAX, mine);
    await window.runCommand('Codex: Undo Decision on Change');
    await shopBecomes(mine);
    git(folder, ['checkout', '-q', '--', SHOP]);
    await editor.line('// mine').waitFor({ state: 'detached' });
  });
});

test('applied as a whole, a change is looked at and taken out in the gutter, and put back after a reload', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'changes-gutter', async () => {
    await window.runCommand('Codex: Apply Patch');
    await window.dialog().getByText('This result changes 1 file that runs by itself.').waitFor();
    await window.answerDialog('Leave Them Out');
    await shopBecomes(CURRENCY, TAX, SHELF, PRINT);
    await list.waitFor(/^Line 10:.*in the file/);
    await window.closeNotifications();
    await editor.goTo(10);
    const peek = await editor.peek('1.077', 'price * 1.19');
    await window.screenshot('changes-peek-dark');
    await peek.locator('.action-label[aria-label^="Reject Change"]').click();
    await shopBecomes(CURRENCY, SHELF, PRINT);
    await list.waitFor(/^Line 10:.*rejected/);

    await window.reload();
    await list.makeRoom();
    await list.waitFor(/^Tidy the shop up\..*1 rejected/);
    await window.runCommand('Codex: Undo Decision on Change');
    await shopBecomes(CURRENCY, TAX, SHELF, PRINT);
    await window.screenshot('changes-reloaded-dark');
    await window.runCommand('Codex: Undo Apply');
    await eventually('the start', async () => listing(folder).join() === atStart.join()).catch(
      () => undefined,
    );
    assert.deepEqual(listing(folder), atStart);
  });
});

test('a change whose lines were edited refuses, and is merged by hand with three sides', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'changes-conflict', async () => {
    const mine: Edit = ['"EUR"', '"USD"'];
    writeFileSync(join(folder, SHOP), shopWith(mine));
    await unfolded();
    await list.waitFor(/^Line 1:.*changed by you/);
    await list.press(/^Line 1:/, 'Accept Change');
    await window.notification(/1 change was left as it is\. src\/shop\.mjs/);
    assert.equal(shop(), shopWith(mine), 'nothing was written over it');
    await window.closeNotifications();

    await list.press(/^Line 10:/, 'Reject Change');
    await list.waitFor(/^Line 10:.*rejected/);
    await list.press(/^Line 1:/, 'Merge by Hand');
    await window.page.locator('.tab.active', { hasText: 'Merging: shop.mjs' }).waitFor();
    await window.page.getByText('1 Conflict Remaining').waitFor();
    await window.screenshot('changes-merge-dark');
    await window.page.getByText('Accept Codex', { exact: true }).first().click();
    await window.page.getByText('0 Conflicts Remaining').waitFor();
    await window.runCommand('File: Save');
    // What was rejected stays out; what only Codex changed is in.
    await shopBecomes(CURRENCY, SHELF, PRINT);
    await window.runCommand('View: Close All Editors');
    git(folder, ['checkout', '-q', '--', SHOP]);
  });
});

/** The hunks of the shop in sight. */
async function unfolded(): Promise<void> {
  if (!(await list.rows()).some((row) => /^Line 1:/.test(row))) await list.unfold(/^shop\.mjs/);
}

test('a comment on a line becomes a follow-up to the agent', async () => {
  const { window } = session;
  await withEvidence(session, 'changes-comment', async () => {
    await window.runCommand('Codex: Refresh Changes');
    await unfolded();
    await list.click(/^Line 29:/);
    await editor.at(29);
    await editor.goTo(18);
    await window.runCommand('Comments: Add Comment on Current Selection');
    const thread = window.page.locator('.review-widget');
    await thread.locator('.monaco-editor').first().waitFor();
    await window.page.keyboard.type('Why three? Say so.');
    await thread.getByRole('button', { name: 'Add Comment' }).click();
    await thread.getByText('not sent yet').waitFor();
    await window.screenshot('changes-comment-dark');
    await thread.locator('.action-label[aria-label^="Send"]').first().click();
    const page: Frame = await taskPage();
    await page.locator('.prompt', { hasText: 'Why three? Say so.' }).waitFor();
    await page.locator('.prompt', { hasText: 'src/shop.mjs, line 18' }).waitFor();
    await page.getByText('Thank you, I look at the line.').waitFor({ timeout: TASK_TIMEOUT_MS });
  });
});

test('a patch is copied as text and as a command that applies it', async () => {
  const { window } = session;
  await withEvidence(session, 'changes-copy', async () => {
    await window.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const copied = async (command: string) => {
      await window.page.evaluate(() => navigator.clipboard.writeText(''));
      await window.runCommand(command);
      return eventually(
        command,
        async () => (await window.page.evaluate(() => navigator.clipboard.readText())) || false,
      );
    };
    assert.match(await copied('Codex: Copy Patch'), /^diff --git [^]*rename from src\/old-name\.mjs/);
    const command = await copied('Codex: Copy as git apply Command');
    assert.match(command, /git apply/);
  });
});
