/**
 * A pull request from draft to merged, in the real VS Code, at a stand-in GitHub: follow-ups brought to its branch,
 * also where others have pushed; what the card and the list say of each state; links of a prompt.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import type { Frame, Locator } from 'playwright-core';
import { git, write } from '../../support/git.ts';
import {
  begin,
  card,
  followUp,
  openAtForge,
  openedBy,
  REPO,
  resultSha,
  runTask,
  send,
  TASK_TIMEOUT_MS,
  type AtForge,
} from '../harness/at-forge.ts';
import { connectTo } from '../harness/backend.ts';
import { withEvidence } from '../harness/session.ts';
import { CURRENCY, SHOP, shopWith } from '../harness/shop.ts';
import { eventually } from '../harness/window.ts';

const TASK = 'Count in francs.';
const TITLE = 'Count in francs, and print them so wherever a price is shown to people';
const BRANCH = 'codex/count-in-francs';
/** The editor then has about 350 px. */
const NARROW_PX = 400;

let at: AtForge;
let token: string;

before(async () => {
  at = await openAtForge(() => ({
    script: 'pull-request.yaml',
    private: true,
    // Nothing local: the pull request's tree is the result's.
    prepare: (folder) => {
      write(folder, '.github/workflows/ci.yml', 'on: push\n');
      git(folder, ['add', '-A']);
      git(folder, ['commit', '-q', '-m', 'Keep notes']);
    },
  }));
  token = at.github.addToken('octocat', { kind: 'fineGrained' }).value;
  const client = connectTo(at.backend);
  try {
    await client.call('forge.connect', { host: at.github.host, kind: 'github', token });
  } finally {
    client.close();
  }
});
after(async () => {
  await at?.close();
});

const there = (...args: string[]) => git(at.github.gitDir(REPO), args);
const row = (title = TASK) => at.window.taskRows().filter({ hasText: title });
const page = () => at.window.webview(`header h1:has-text("${TASK}")`);

async function refresh(frame: Frame): Promise<void> {
  await card(frame).getByRole('button', { name: 'Refresh the pull request' }).click();
}

/** By the button that the card has while the branch lacks the newest result. */
async function update(frame: Frame): Promise<void> {
  await card(frame).getByRole('button', { name: 'Update Pull Request' }).click();
}

/** Of the newest result, in the backend's own repository. */
async function resultTree(): Promise<string> {
  const sha = await resultSha(at, TASK);
  const repos = join(at.backend.dataDir, 'repos');
  const [name = ''] = readdirSync(repos).filter((one) => one.endsWith('.git'));
  return git(join(repos, name), ['rev-parse', `${sha}^{tree}`]);
}

test('a draft is one on the card and in the list, until it is made ready there; its title opens it', async () => {
  const { window, github } = at;
  await withEvidence(at, 'life-draft', async () => {
    const frame = await runTask(at, TASK);
    await begin(frame).click();
    await frame.getByRole('textbox', { name: 'Title' }).fill(TITLE);
    await frame.getByRole('checkbox', { name: /^Draft/ }).click();
    await window.screenshot('life-form');
    await send(frame).click();
    await card(frame)
      .locator('h3', { hasText: `#1 ${TITLE}` })
      .waitFor({ timeout: TASK_TIMEOUT_MS });
    await card(frame).locator('.standing', { hasText: 'draft' }).waitFor();
    await window.openSideBar();
    await row().filter({ hasText: '#1 · draft' }).waitFor();
    assert.equal((await github.pull(REPO, 1)).pull.draft, true);

    (await github.pull(REPO, 1)).pull.draft = false;
    await refresh(frame);
    await card(frame).locator('.standing', { hasText: 'open' }).waitFor();
    await row().filter({ hasText: '#1 · open' }).waitFor();

    const tab = await openedBy(at, () => card(frame).getByText(`#1 ${TITLE}`).click());
    assert.equal(tab.url(), `${github.url}/${REPO}/pull/1`);
    await tab.close();
  });
});

test('a follow-up’s result is one more commit on the branch, and nothing else changes', async () => {
  const { window, github } = at;
  await withEvidence(at, 'life-update', async () => {
    const frame = await page();
    const before = there('rev-parse', BRANCH);
    await followUp(frame, 'Use the Swiss tax.');
    await row().filter({ hasText: '#1' }).waitFor();
    await window.screenshot('life-update-offered');
    await update(frame);
    await card(frame)
      .getByRole('button', { name: 'Update Pull Request' })
      .waitFor({ state: 'detached', timeout: TASK_TIMEOUT_MS });
    assert.equal(there('rev-parse', `${BRANCH}~1`), before);
    assert.equal(there('rev-parse', `${BRANCH}^{tree}`), await resultTree());
    assert.equal((await github.pull(REPO, 1)).title, TITLE);
    assert.equal(github.pulls(REPO).length, 1);
    await window.screenshot('life-updated');
  });
});

test('what others pushed is told, and merged in', async () => {
  const { window, github } = at;
  await withEvidence(at, 'life-others', async () => {
    const frame = await page();
    await github.commit(REPO, BRANCH, { 'docs/theirs.txt': 'Of somebody else.\n' });
    const theirs = there('rev-parse', BRANCH);
    await refresh(frame);
    await card(frame).getByText('Others have pushed to the branch').waitFor();
    await followUp(frame, 'Fill the shelf.');
    await window.screenshot('life-others-pushed');
    await update(frame);
    await eventually('the update', async () => there('rev-parse', BRANCH) !== theirs);
    await card(frame)
      .getByRole('button', { name: 'Update Pull Request' })
      .waitFor({ state: 'detached', timeout: TASK_TIMEOUT_MS });
    assert.equal(there('rev-parse', `${BRANCH}~1`), theirs);
    assert.equal(there('show', `${BRANCH}:docs/theirs.txt`), 'Of somebody else.');
    const shelf = ['one = 1;', 'one = 10;'] as const;
    const tax = ['price * 1.19', 'price * 1.077'] as const;
    assert.equal(`${there('show', `${BRANCH}:${SHOP}`)}\n`, shopWith(CURRENCY, tax, shelf));
    await card(frame).getByText('Others have pushed to the branch').waitFor({ state: 'detached' });
  });
});

test('what conflicts with others’ pushes is told with its files, and nothing of theirs is overwritten', async () => {
  const { window, github } = at;
  await withEvidence(at, 'life-conflict', async () => {
    const frame = await page();
    await github.commit(REPO, BRANCH, { [SHOP]: '// All anew.\n' });
    const theirs = there('rev-parse', BRANCH);
    await followUp(frame, 'Better names.');
    await update(frame);
    await card(frame)
      .getByText(`What others pushed to “${BRANCH}” conflicts with this result, in ${SHOP}.`)
      .waitFor({ timeout: TASK_TIMEOUT_MS });
    // It stands on the card, not over the log.
    assert.equal(await frame.locator('.pull-request-panel').count(), 0);
    await window.screenshot('life-conflict');
    assert.equal(there('rev-parse', BRANCH), theirs);

    // They take it back, and the same button goes on.
    await github.commit(REPO, BRANCH, { [SHOP]: `${there('show', `${theirs}~1:${SHOP}`)}\n` });
    await update(frame);
    await card(frame)
      .getByRole('button', { name: 'Update Pull Request' })
      .waitFor({ state: 'detached', timeout: TASK_TIMEOUT_MS });
    assert.match(there('show', `${BRANCH}:${SHOP}`), /For everybody/);
    assert.equal(await card(frame).getByRole('alert').count(), 0);
  });
});

test('the card fits a narrow editor and a wide one', async () => {
  const { window, github } = at;
  await withEvidence(at, 'life-card', async () => {
    const frame = await page();
    github.commentOnLine(REPO, 1, 'grace', { body: 'Why francs?', path: SHOP, line: 1 });
    github.addCheckRun(REPO, there('rev-parse', BRANCH), { name: 'lint', conclusion: 'failure' });
    github.addCheckRun(REPO, there('rev-parse', BRANCH), { name: 'test' });
    await refresh(frame);
    await card(frame).getByText('Checks: 1 failed, 1 passed').waitFor();
    await inBothWidths(frame, 'life-card', card(frame));
    // By its command it is shown what would be done, also where nothing is to be decided.
    await window.runCommand('Codex: Create Pull Request…');
    await frame.getByText('The newest result becomes one more commit').waitFor();
    await window.screenshot('life-update-form');
    await frame.getByRole('button', { name: 'Cancel' }).click();
    await frame.locator('.pull-request-panel').waitFor({ state: 'detached' });
  });
});

async function inBothWidths(frame: Frame, name: string, shown: Locator): Promise<void> {
  const { window } = at;
  const size = window.page.viewportSize();
  assert.ok(size);
  const hidden = window.page.locator('.part.sidebar:visible');
  try {
    for (const theme of ['light', 'dark'] as const) {
      await window.useTheme(theme);
      await window.screenshot(`${name}-wide-${theme}`);
      if ((await hidden.count()) > 0) await window.runCommand('View: Toggle Primary Side Bar Visibility');
      await window.page.setViewportSize({ ...size, width: NARROW_PX });
      await fits(frame);
      await shown.scrollIntoViewIfNeeded();
      await window.screenshot(`${name}-narrow-${theme}`);
      await window.page.setViewportSize(size);
    }
  } finally {
    await window.page.setViewportSize(size);
    await window.openSideBar();
  }
}

async function fits(frame: Frame): Promise<void> {
  await eventually('the narrow page', async () => (await frame.evaluate(() => innerWidth)) < 420);
  const wide = await frame.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.ok(wide <= 0, `${wide} px too wide`);
}

test('merged there, it is merged here after a look, and the task is done', async () => {
  const { window, github } = at;
  await withEvidence(at, 'life-merged', async () => {
    const frame = await page();
    await window.openSideBar();
    await github.merge(REPO, 1, 'octocat');
    await refresh(frame);
    await card(frame).locator('.standing', { hasText: 'merged' }).waitFor();
    await row().filter({ hasText: '#1 · merged' }).waitFor();
    await eventually('the group Done above the task', async () => {
      const rows = await window.taskRows().allInnerTexts();
      const group = rows
        .slice(
          0,
          rows.findIndex((text) => text.includes(TASK)),
        )
        .findLast((text) => !text.includes('·'));
      return group?.startsWith('Done') ?? false;
    });
    await window.screenshot('life-merged');
  });
});

test('one that is closed there says so; links of a prompt are read, and that is told', async () => {
  const { window, github } = at;
  await withEvidence(at, 'life-closed', async () => {
    const issue = github.addIssue(REPO, {
      title: 'Prices are in euros',
      body: 'We sell in Bern.',
      by: 'grace',
    });
    const base = `${github.url}/${REPO}`;
    const prompt = `Please read ${base}/issues/${issue.number} and ${base}/pull/1.diff and ${base}/issues/999`;
    const reading = await runTask(at, prompt, 'Please read');
    await reading.getByText(`Read for the agent: Prices are in euros`).waitFor();
    await reading.getByText(/The changes of .*pull\/1\.diff lie in the sandbox/).waitFor();
    await reading.getByText(/issues\/999 was not read: it is not there/).waitFor();
    await window.screenshot('life-links');

    const other = 'Francs once more.';
    const frame = await runTask(at, other);
    await begin(frame).click();
    await frame.getByRole('textbox', { name: 'Title' }).waitFor();
    await frame
      .getByRole('textbox', { name: 'Branch' })
      .fill('codex/francs/once-more-and-in-words-that-go-on-and-on');
    await inBothWidths(frame, 'life-form', frame.getByRole('textbox', { name: 'Title' }));
    await send(frame).click();
    await card(frame).locator('.standing', { hasText: 'open' }).waitFor({ timeout: TASK_TIMEOUT_MS });
    const { number } = github.pulls(REPO).at(-1) ?? { number: 0 };
    const pull = await github.pull(REPO, number);
    pull.state = 'closed';
    await refresh(frame);
    await card(frame).locator('.standing', { hasText: 'closed' }).waitFor();
    await window.openSideBar();
    await row(other)
      .filter({ hasText: `#${number} · closed` })
      .waitFor();
    await window.screenshot('life-closed');
  });
});

test('no token is in a log or on a page, and GitHub was asked as it is', async () => {
  const said = [at.backend.output(), await at.server.logs()];
  for (const frame of at.window.page.frames()) said.push(await frame.content().catch(() => ''));
  assert.ok(!said.some((text) => text.includes(token)));
  at.github.assertNoProblems();
});
