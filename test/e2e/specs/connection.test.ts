/** What goes wrong with a backend is said in a sentence, and nothing is lost. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { BackendConnection } from '../../../client/connection/index.ts';
import { connectTo } from '../harness/backend.ts';
import { containerOf, letGo } from '../harness/sandbox.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { ended, unfold } from '../harness/task-page.ts';

const TASK_TIMEOUT_MS = 90_000;

let session: Session;
let other: BackendConnection;

before(async () => {
  session = await openSession({ script: 'ask.yaml' });
  other = connectTo(session.backend);
});
after(async () => {
  other?.close();
  await session?.close();
});

test('a wrong token is said, and the right one is asked for', async () => {
  const { window, backend } = session;
  await withEvidence(session, 'wrong-token', async () => {
    await window.openSideBar();
    await connect(window, backend.url, 'a-token-that-is-not-it');
    await window.page.getByText('The backend did not accept the token.').first().waitFor();
    await window.screenshot('wrong-token-dark');
    await window.runCommand('Codex: Set Server Token');
    await window.answerInput(/The token of/, backend.token);
    await window.page.getByText('No tasks yet.').first().waitFor();
  });
});

test('a backend that is gone is said, and the task goes on when it is back', async () => {
  const { window, backend } = session;
  await withEvidence(session, 'backend-gone', async () => {
    await window.runCommand('Codex: Ask');
    await window.answerInput(/Ask about this repository/, 'Where are parcels counted?');
    const page = await window.webview('header h1', TASK_TIMEOUT_MS);
    const pane = page.locator('.command', { hasText: 'for line in' }).locator('.pane');
    await pane.getByText('reading part 2 of 6').waitFor({ timeout: TASK_TIMEOUT_MS });
    const container = await containerOf(other, 'Where are parcels counted?');
    await backend.kill();
    // The command runs on: what it prints now is there afterwards, once.
    letGo(container);
    await page.getByText('Reconnecting …').waitFor();
    await window.screenshot('backend-gone-dark');
    await backend.restart();
    await page.getByText('An empty list counts as 0.').waitFor({ timeout: TASK_TIMEOUT_MS });
    await ended(page, TASK_TIMEOUT_MS);
    const command = page.locator('.command', { hasText: 'for line in' });
    await unfold(command);
    const shown = (await command.locator('.pane').innerText()).trim().split('\n');
    const parts = [1, 2, 3, 4, 5, 6].map((part) => `reading part ${part} of 6`);
    assert.deepEqual(shown, parts);
  });
});

test('a command that never ends is stopped by the button', async () => {
  const { window, backend } = session;
  await withEvidence(session, 'stop', async () => {
    await window.runCommand('Codex: Ask');
    await window.answerInput(/Ask about this repository/, 'Run forever.');
    const page = await window.webview('header h1:has-text("Run forever.")', TASK_TIMEOUT_MS);
    await page.locator('.pane').getByText('it begins').waitFor({ timeout: TASK_TIMEOUT_MS });
    // What the person did is seen before the backend has answered.
    backend.freeze();
    try {
      await page.getByRole('button', { name: 'Stop' }).click();
      await window.taskRows().filter({ hasText: 'Run forever.' }).filter({ hasText: 'stopping …' }).waitFor();
      await page.getByRole('button', { name: 'Stopping …' }).waitFor();
    } finally {
      backend.go();
    }
    await page.getByRole('button', { name: 'Retry' }).waitFor();
    await window.screenshot('stopped-dark');
  });
});
