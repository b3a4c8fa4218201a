/**
 * Questions before commands in a real VS Code: the card on the task’s page, the notification, the palette;
 * what is said there happens, once, also after the window was loaded anew.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { Frame, Locator } from 'playwright-core';
import { connect as connectTo, type BackendConnection } from '../../../client/connection/index.ts';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import { defaultEnvironment, type Approval } from '../../../protocol/environment.ts';
import { nameless, paleText } from '../harness/look.ts';
import { containerOf, letGo, WAITS } from '../harness/sandbox.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { ended, unfold } from '../harness/task-page.ts';
import { eventually } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 90_000;
/** Of one look at what may have moved. */
const LOOK_MS = 3_000;

let session: Session;
let other: BackendConnection;

before(async () => {
  session = await openSession({ script: 'commands.yaml' });
  const { window, backend } = session;
  other = connectTo({
    url: backend.url,
    token: async () => backend.token,
    client: { name: 'codex-tasks-test', version: '0' },
    openSocket: nodeSocket(),
  });
  await withEvidence(session, 'approval-connect', async () => {
    await connect(window, backend.url, backend.token);
    await window.openSideBar();
  });
});
after(async () => {
  other?.close();
  await session?.close();
});

const setPolicy = (policy: Approval['policy']) =>
  other.call('environment.put', {
    environment: { ...defaultEnvironment(), approval: { policy, allow: [], deny: [] } },
  });

/** Sends a task by the composer and returns its page. */
async function submit(prompt: string): Promise<Frame> {
  const { window } = session;
  const composer = await window.webview('main .about');
  await composer.getByRole('radio', { name: 'Code' }).click();
  await composer.getByRole('textbox').fill(prompt);
  await composer.getByRole('button', { name: /^Send/ }).click();
  return pageOf(prompt.split('\n')[0] ?? '');
}

const pageOf = (title: string): Promise<Frame> =>
  session.window.webview(`h1:has-text("${title}")`, TASK_TIMEOUT_MS);

/** The open question about this command. */
const card = (page: Frame, command: string): Locator =>
  page.getByRole('group', { name: 'Run this command?' }).filter({ hasText: command });

const row = (title: string): Locator => session.window.taskRows().filter({ hasText: title });

/** A task that ends goes elsewhere in the list meanwhile, below a heading that may be folded. */
function openFromList(title: string): Promise<Frame> {
  const { window } = session;
  const folded = window.taskRows().and(window.page.locator('[aria-expanded="false"]'));
  return eventually(
    `the page of “${title}”, from the list`,
    async () => {
      if ((await row(title).count()) === 0) {
        await folded
          .first()
          .click({ timeout: LOOK_MS })
          .catch(() => undefined);
      }
      await row(title)
        .first()
        .click({ timeout: LOOK_MS })
        .catch(() => undefined);
      return window.webview(`h1:has-text("${title}")`, LOOK_MS).catch(() => false as const);
    },
    TASK_TIMEOUT_MS,
  );
}

test('the card asks, and is answered by mouse and by keyboard', async () => {
  const { window } = session;
  await withEvidence(session, 'approval-card', async () => {
    await setPolicy('always');
    const page = await submit('Say it\n$ echo one\n$ echo two\n$ echo two\n$ echo three');
    const one = card(page, 'echo one');
    await one.waitFor({ timeout: TASK_TIMEOUT_MS });
    await one.getByText('Folder: /workspace/parcel').waitFor();
    await one.getByText('Every command is asked about in this environment.').waitFor();
    await row('Say it').filter({ hasText: 'waiting for you' }).waitFor();
    for (const theme of ['dark', 'light', 'contrast'] as const) {
      await window.useTheme(theme);
      assert.deepEqual(await paleText(page, 'editor'), []);
      await window.screenshot(`approval-card-${theme}`);
    }
    assert.deepEqual(await nameless(page), []);
    await window.useTheme('dark');
    assert.equal(await window.page.locator('.notifications-toasts .notification-list-item').count(), 0);
    await one.getByRole('button', { name: 'Run Once' }).click();
    await page.getByText('Asked about echo one: allowed once').waitFor();

    const two = card(page, 'echo two');
    await two.getByRole('region', { name: 'Command' }).focus();
    const focused = () =>
      page.evaluate(() => document.activeElement?.textContent?.trim() ?? 'nothing has the focus');
    const order: string[] = [];
    for (let at = 0; at < 3; at++) {
      await window.page.keyboard.press('Tab');
      order.push(await focused());
    }
    assert.deepEqual(order, ['Run Once', 'Allow for This Task', 'Don’t Run']);
    await window.page.keyboard.press('Shift+Tab');
    await window.page.keyboard.press('Enter');
    await page.getByText('Asked about echo two: allowed for this task').waitFor();
    await eventually('the focus where it was', async () => /Asked about echo two/.test(await focused()));

    // The same again is not asked about.
    const three = card(page, 'echo three');
    await three.waitFor();
    assert.equal(await page.locator('.command').filter({ hasText: 'echo two' }).count(), 2);
    await three.getByRole('button', { name: 'Don’t Run' }).click();
    await page
      .locator('.command', { hasText: 'echo three' })
      .getByText('not allowed')
      .waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByText(/^Done:/).waitFor({ timeout: TASK_TIMEOUT_MS });
    await window.screenshot('approval-answered-dark');
  });
});

test('who does not see the page is told, answers there or in the palette, and is told when it is late', async () => {
  const { window } = session;
  await withEvidence(session, 'approval-notification', async () => {
    await setPolicy('onRisk');
    await submit(`Clean up\n$ ${WAITS}\n$ rm -rf docs\n$ rm -rf src`);
    await window.runCommand('View: Close All Editors');
    letGo(await containerOf(other, 'Clean up'));
    const docs = /“Clean up” asks to run in \/workspace\/parcel: rm -rf docs/;
    const src = /“Clean up” asks to run in \/workspace\/parcel: rm -rf src/;
    await window.notification(docs, TASK_TIMEOUT_MS);
    await window.screenshot('approval-notification-dark');
    await window.answerNotification(docs, 'Don’t Run');

    await window.notification(src, TASK_TIMEOUT_MS);
    await window.runCommand('Codex: Answer Pending Approval…');
    await window.waitForInput(/Answer Pending Approval: rm -rf src/);
    await window.screenshot('approval-palette-dark');
    await window.pick(/Don’t Run/);
    await row('Clean up').filter({ hasNotText: 'waiting for you' }).waitFor();
    await window.answerNotification(src, 'Run Once');
    await window.notification(/answered already/);
    await window.screenshot('approval-late-dark');

    const page = await openFromList('Clean up');
    await page.getByText(/^Done:/).waitFor({ timeout: TASK_TIMEOUT_MS });
    for (const command of ['rm -rf docs', 'rm -rf src']) {
      await page.locator('.command', { hasText: command }).getByText('not allowed').waitFor();
    }
    await window.closeNotifications();
  });
});

test('two at once, kept over a reload of the window, answered once each', async () => {
  const { window } = session;
  await withEvidence(session, 'approval-two', async () => {
    const page = await submit('both: rm -rf a; echo ran >> /tmp/ran; cat /tmp/ran & rm -rf b; echo not me');
    await card(page, 'rm -rf a').waitFor({ timeout: TASK_TIMEOUT_MS });
    await card(page, 'rm -rf b').waitFor();
    await window.screenshot('approval-two-dark');

    await window.page.reload();
    await window.page.locator('.explorer-folders-view, .composite.title').first().waitFor();
    // VS Code brings the page back itself, unless the reload came before it had noted that it was open.
    const again = await openFromList('both:');
    await card(again, 'rm -rf a').waitFor({ timeout: TASK_TIMEOUT_MS });
    await card(again, 'rm -rf b').getByRole('button', { name: 'Don’t Run' }).click();
    await again.getByText('Asked about rm -rf b; echo not me: not run').waitFor();
    await card(again, 'rm -rf a').getByRole('button', { name: 'Run Once' }).dblclick();
    await again.getByText('Both are done.').waitFor({ timeout: TASK_TIMEOUT_MS });
    await ended(again, TASK_TIMEOUT_MS);
    const ran = again.locator('.command', { hasText: 'rm -rf a' });
    await unfold(ran);
    assert.equal((await ran.locator('.pane').innerText()).trim(), 'ran');
    assert.equal(await again.getByRole('alert').count(), 0);
    await window.screenshot('approval-reloaded-dark');
  });
});

test('a task that is stopped while it waits asks nothing any more', async () => {
  const { window } = session;
  await withEvidence(session, 'approval-stop', async () => {
    const page = await submit('Wait\n$ rm -rf everything');
    await card(page, 'rm -rf everything').waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByText('Asked about rm -rf everything: not answered').waitFor();
    await eventually(
      'no question',
      async () => (await other.call('approval.list', {})).approvals.length === 0,
    );
    await row('Wait').filter({ hasText: 'cancelled' }).waitFor();
    await window.screenshot('approval-stopped-dark');
    await window.runCommand('Codex: Answer Pending Approval…');
    await window.notification(/No task waits for an answer\./);
  });
});
