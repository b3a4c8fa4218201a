/** What VS Code shows of the agent: its plan, what is said to it, what its answer reports, several attempts. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { Frame } from 'playwright-core';
import { nameless, paleText } from '../harness/look.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { eventually, THEMES, type Theme } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 90_000;
const STEER = 'Please leave the README alone.';

let session: Session;

before(async () => {
  session = await openSession({ script: 'agent.yaml' });
  const { window, backend } = session;
  await withEvidence(session, 'agent-connect', async () => {
    await connect(window, backend.url, backend.token);
    await window.openSideBar();
  });
});
after(() => session?.close());

/** Writes in the composer and sends; `choose` before that. */
async function send(
  text: string,
  choose: (composer: Frame) => Promise<void> = async () => {},
): Promise<void> {
  const composer = await session.window.webview('main .about');
  if (text !== '') await composer.getByRole('textbox').fill(text);
  await choose(composer);
  await composer.getByRole('button', { name: /^Send/ }).click();
}

/** The page of a task, known by its prompt. */
async function pageOf(prompt: RegExp): Promise<Frame> {
  return eventually(
    `the page of ${prompt}`,
    async () => {
      for (const frame of session.window.page.frames()) {
        const count = await frame
          .locator('article .prompt', { hasText: prompt })
          .count()
          .catch(() => 0);
        if (count > 0) return frame;
      }
      return false;
    },
    TASK_TIMEOUT_MS,
  );
}

test('what is said while the agent works reaches it with its next request', async () => {
  const { window } = session;
  await withEvidence(session, 'agent-steer', async () => {
    await send('A parcel without pieces makes the sum NaN. Fix it.');
    const page = await pageOf(/makes the sum NaN/);
    const plan = page.getByRole('region', { name: 'Plan' });
    await plan.getByText('0 of 3').waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByText('sleep 20; echo looked once').waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByRole('textbox').fill(STEER);
    await page.getByRole('button', { name: /^Send Now/ }).click();
    await page.locator('.prompt.waiting', { hasText: STEER }).waitFor();
    await window.screenshot('agent-steered-dark');
    await page.locator('.prompt:not(.waiting)', { hasText: STEER }).waitFor({ timeout: TASK_TIMEOUT_MS });
    await plan.getByText('2 of 3').waitFor({ timeout: TASK_TIMEOUT_MS });
    assert.equal(await plan.count(), 1, 'the plan stays in one place');
    await page.getByRole('heading', { name: 'Count parcels without pieces' }).waitFor();
  });
});

test('an answer’s places, commands and diagrams can be opened, and its report acted on', async () => {
  const { window } = session;
  await withEvidence(session, 'agent-report', async () => {
    const page = await pageOf(/makes the sum NaN/);
    await page.getByRole('img', { name: /^Diagram: flowchart LR/ }).waitFor({ timeout: TASK_TIMEOUT_MS });
    assert.equal(await page.getByText('codex-report').count(), 0);
    await page.getByRole('link', { name: '[command 2]' }).click();
    await page.locator('[data-number="2"] .head[aria-expanded="true"]').waitFor();
    for (const theme of Object.keys(THEMES) as Theme[]) {
      await window.useTheme(theme);
      await window.screenshot(`agent-report-${theme}`);
      assert.deepEqual(await paleText(page, 'editor'), [], theme);
    }
    await window.useTheme('dark');
    assert.deepEqual(await nameless(page), []);
    assert.equal(await page.getByRole('region', { name: 'Checks' }).getByText('not run').count(), 1);

    await page.getByRole('button', { name: 'Start the task “Test an empty list”' }).click();
    // Named after its prompt until its agent gives it a title.
    await window
      .taskRows()
      .filter({ hasText: /empty list|Count parcels/ })
      .nth(1)
      .waitFor();
    await page.getByRole('button', { name: 'Open the task “Test an empty list”' }).waitFor();

    await page.getByRole('link', { name: 'src/count.mjs:1-3' }).click();
    await window.page.locator('.tab.active', { hasText: 'count.mjs' }).waitFor();
    await window.page.getByRole('button', { name: /Ln 3, Col \d+ \(\d+ selected\)/ }).waitFor();
  });
});

test('a review of the local changes says what it finds, and a finding is fixed by a click', async () => {
  const { window } = session;
  await withEvidence(session, 'agent-review', async () => {
    await window.runCommand('Codex: Review Changes');
    await window.waitForInput(/Review what\?/);
    await window.pick(/Local changes/);
    await send('', async (composer) => {
      await composer.getByRole('combobox', { name: 'What is reviewed' }).waitFor();
    });
    const page = await pageOf(/^Review the local changes/);
    const finding = page.getByRole('group', { name: 'The README promises too much' });
    await finding.getByText('P1').waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByText('The changes need work').waitFor();
    await window.screenshot('agent-review-dark');
    await page.getByRole('button', { name: 'Fix “The README promises too much”' }).click();
    await page.locator('.prompt', { hasText: 'Fix this finding of the review, in README.md:3:' }).waitFor();
  });
});

test('of two attempts, one is looked at, compared and chosen', async () => {
  const { window } = session;
  await withEvidence(session, 'agent-attempts', async () => {
    await send('Write a label.', async (composer) => {
      await composer.getByRole('radio', { name: 'Code' }).click();
      await composer.getByRole('combobox', { name: 'Attempts' }).selectOption('2');
    });
    const page = await pageOf(/^Write a label/);
    const use = page.getByRole('button', { name: 'Use This Attempt' });
    await use.waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByRole('tab', { name: /Attempt 1/ }).focus();
    await page.getByRole('tab', { name: /Attempt 1/ }).press('ArrowRight');
    await page.locator('.flow').getByText('The second attempt wrote a label.').waitFor();
    const rows = await page.locator('.comparison tbody tr').allInnerTexts();
    assert.equal(rows.length, 2);
    assert.match(rows[0] ?? '', /completed[\s\S]*The first attempt wrote a label\./);
    await window.screenshot('agent-attempts-dark');
    assert.deepEqual(await nameless(page), []);
    await use.click();
    await page.getByRole('tab', { name: /Attempt 2.*chosen/ }).waitFor();
    await window.taskRows().filter({ hasText: 'attempt 2' }).first().waitFor();
    await page.getByRole('button', { name: 'Apply 1 file' }).click();
    await page.getByRole('button', { name: 'Undo Apply' }).waitFor({ timeout: TASK_TIMEOUT_MS });
    await window.screenshot('agent-chosen-dark');
  });
});
