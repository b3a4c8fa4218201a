/** `Codex: Ask` from the palette, in a real VS Code: the log arrives live, then the answer. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { git } from '../../support/git.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { listing } from '../harness/tree.ts';
import { eventually } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 60_000;

let session: Session;
let before_: string[];

before(async () => {
  session = await openSession({ script: 'ask.yaml' });
  before_ = listing(session.folder);
});
after(() => session?.close());

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
    await page.getByText('reading part 1 of 6').waitFor({ timeout: TASK_TIMEOUT_MS });
    assert.equal(await page.getByText('reading part 6 of 6').count(), 0, 'the log came all at once');
    assert.equal(await page.getByRole('button', { name: 'Stop' }).count(), 1);
    await window.screenshot('ask-running-dark');
    await page.getByText('reading part 6 of 6').waitFor();

    await page.getByText('An empty list counts as 0.').waitFor();
    await eventually(
      'the end of the task',
      async () => (await page.getByRole('button', { name: 'Stop' }).count()) === 0,
    );
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
