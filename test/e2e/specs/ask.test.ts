/** `Codex: Ask` from the palette, in a real VS Code: the log arrives live, then the answer. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { BackendConnection } from '../../../client/connection/index.ts';
import { git } from '../../support/git.ts';
import { connectTo } from '../harness/backend.ts';
import { containerOf, letGo } from '../harness/sandbox.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { ended, unfold } from '../harness/task-page.ts';
import { listing } from '../harness/tree.ts';

const TASK_TIMEOUT_MS = 60_000;

let session: Session;
let other: BackendConnection;
let before_: string[];

before(async () => {
  session = await openSession({ script: 'ask.yaml' });
  other = connectTo(session.backend);
  before_ = listing(session.folder);
});
after(async () => {
  other?.close();
  await session?.close();
});

test('a question asked from the palette shows its log live, then its answer', async () => {
  const { window, backend } = session;
  await withEvidence(session, 'ask', async () => {
    await window.openSideBar();
    await window.screenshot('welcome-dark');
    await connect(window, backend.url, backend.token);

    await window.runCommand('Codex: Ask');
    await window.waitForInput(/Ask about this repository/);
    await window.screenshot('ask-input-dark');
    await window.quickInput.fill('Where are parcels counted?');
    // How soon is measured in the extension host; here, that the row waits for no answer.
    backend.freeze();
    const row = window.taskRows().filter({ hasText: 'Where are parcels counted?' });
    try {
      await window.page.keyboard.press('Enter');
      await row.first().waitFor();
    } finally {
      backend.go();
    }

    const page = await window.webview('header h1', TASK_TIMEOUT_MS);
    // While it still runs.
    await page.getByText('reading part 2 of 6').waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await window.screenshot('ask-running-dark');
    letGo(await containerOf(other, 'Where are parcels counted?'));

    await page.getByText('An empty list counts as 0.').waitFor({ timeout: TASK_TIMEOUT_MS });
    await ended(page, TASK_TIMEOUT_MS);
    const command = page.locator('.command', { hasText: 'for line in' });
    await unfold(command);
    await command.locator('.pane').getByText('reading part 6 of 6').waitFor();
    assert.equal(await row.count(), 1, 'the task stands in the list once');
    await window.screenshot('ask-answered-dark');
  });
});

test('a follow-up goes on in the same task', async () => {
  const { window } = session;
  await withEvidence(session, 'follow-up', async () => {
    const page = await window.webview('header h1');
    await page.getByRole('textbox').fill('Does anything else count them?');
    await page.getByRole('textbox').press('Control+Enter');
    await page.getByText('Nothing else counts them.').waitFor({ timeout: TASK_TIMEOUT_MS });
    await window.screenshot('follow-up-dark');
  });
});

test('asking changed nothing in the folder', () => {
  assert.deepEqual(listing(session.folder), before_);
  assert.equal(git(session.folder, ['status', '--porcelain']), ' M README.md\n?? notes.txt');
  assert.equal(git(session.folder, ['stash', 'list']), '');
});
