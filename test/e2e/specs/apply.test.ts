/** A code task with every kind of change: applied it equals the sandbox's tree, undone every byte is back. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { git } from '../../support/git.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { bytesDigest, listing, writeTree } from '../harness/tree.ts';
import { eventually } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 90_000;
const PROMPT = 'A parcel without pieces makes the sum NaN. Fix it, and tidy up.';

let session: Session;
let before_: { files: string[]; index: string; head: string };

before(async () => {
  session = await openSession({ script: 'everything.yaml' });
  const { folder, window, backend } = session;
  before_ = {
    files: listing(folder),
    index: git(folder, ['ls-files', '-s']),
    head: git(folder, ['rev-parse', 'HEAD']),
  };
  await withEvidence(session, 'connect', () => connect(window, backend.url, backend.token));
});
after(() => session?.close());

test('a code task started from the palette ends with a patch', async () => {
  const { window } = session;
  await withEvidence(session, 'code', async () => {
    await window.runCommand('Codex: Ask');
    await window.waitForInput(/Ask about this repository/);
    await window.page.keyboard.press('Control+.');
    await window.answerInput(/Describe a task/, PROMPT);
    const page = await window.webview('header h1', TASK_TIMEOUT_MS);
    await page.getByRole('button', { name: /^Apply \d+ files$/ }).waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByText('src/old-name.mjs → src/unit.mjs').waitFor();
    await window.openSideBar();
    await window.screenshot('task-dark');
    await window.useTheme('light');
    await window.screenshot('task-light');
    await window.useTheme('dark');
    assert.deepEqual(listing(session.folder), before_.files, 'nothing is changed before it is applied');
  });
});

test("applied, the working tree equals the sandbox's tree to the byte", async () => {
  const { window, folder } = session;
  await withEvidence(session, 'apply', async () => {
    const page = await window.webview('header h1');
    const answer = await page.locator('body').innerText();
    const tree = /tree ([0-9a-f]{40})/.exec(answer)?.[1];
    const bytes = /bytes ([0-9a-f]{64})/.exec(answer)?.[1];
    assert.ok(tree && bytes, `the answer names no tree:\n${answer}`);

    await page.getByRole('button', { name: /^Apply \d+ files$/ }).click();
    await page.getByRole('button', { name: 'Undo Apply' }).waitFor();
    assert.equal(writeTree(folder), tree);
    assert.equal(bytesDigest(folder), bytes);
    assert.equal(git(folder, ['ls-files', '-s']), before_.index, 'the index is the person’s');
    await window.screenshot('applied-dark');
  });
});

test('undone, every byte, mode and link is as it was', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'undo', async () => {
    await window.runCommand('Codex: Undo Apply');
    const page = await window.webview('header h1');
    await page.getByRole('button', { name: /^Apply \d+ files$/ }).waitFor();
    await eventually('the undo', async () => listing(folder).join('\n') === before_.files.join('\n')).catch(
      () => undefined,
    );
    assert.deepEqual(listing(folder), before_.files);
    assert.equal(git(folder, ['ls-files', '-s']), before_.index);
    assert.equal(git(folder, ['rev-parse', 'HEAD']), before_.head);
    await window.screenshot('undone-dark');
  });
});
