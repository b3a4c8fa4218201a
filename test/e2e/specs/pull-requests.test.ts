/**
 * Pull requests as a person makes them, at a stand-in GitHub: the forge is connected, a result with binary files
 * becomes a pull request, what others say becomes a follow-up. With the person's own git and session it goes as far as
 * the sign-in: there is no GitHub that VS Code's own extension would sign in to (`test/integration/pull-requests`).
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { Frame } from 'playwright-core';
import { git } from '../../support/git.ts';
import { startGitHub, type StandIn } from '../../support/github/index.ts';
import { connectTo } from '../harness/backend.ts';
import { nameless, paleText } from '../harness/look.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { addShop, CURRENCY, PRINT, SHELF, SHOP, shopWith, TAX } from '../harness/shop.ts';
import { ended } from '../harness/task-page.ts';
import { listing } from '../harness/tree.ts';
import { THEMES, type Theme } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 90_000;
const REPO = 'acme/parcel';
const TITLE = 'Count in francs';
const BRANCH = 'codex/count-in-francs';
const WHOLE = shopWith(CURRENCY, TAX, SHELF, PRINT);

let github: StandIn;
let session: Session;
/** Of the backend, and of the person: each is looked for where it must not be. */
let token: string;
let personsToken: string;

before(async () => {
  github = await startGitHub();
  token = github.addToken('octocat', { kind: 'fineGrained' }).value;
  personsToken = github.addToken('octocat').value;
  session = await openSession({
    script: 'changes.yaml',
    open: async (server, folder) => {
      addShop(folder);
      git(folder, ['config', 'user.name', 'Ada Lovelace']);
      git(folder, ['config', 'user.email', 'ada@example.org']);
      await github.addRepo(REPO, { from: folder, roles: { octocat: 'write' } });
      git(folder, ['remote', 'add', 'origin', github.gitUrl(REPO)]);
      git(folder, ['update-ref', 'refs/remotes/origin/main', 'HEAD']);
      const helper = `!f() { echo username=octocat; echo "password=${personsToken}"; }; f`;
      git(folder, ['config', 'credential.helper', helper]);
      return server.folderUrl(folder);
    },
  });
  const { window, backend } = session;
  await withEvidence(session, 'pull-requests-connect', async () => {
    await connect(window, backend.url, backend.token);
    await window.closeNotifications();
  });
});
after(async () => {
  await session?.close();
  await github?.close();
});

async function runTask(prompt: string): Promise<Frame> {
  const { window } = session;
  await window.runCommand('Codex: Ask');
  await window.waitForInput(/Ask about this repository/);
  await window.page.keyboard.press('Control+.');
  await window.answerInput(/Describe a task/, prompt);
  const page = await window.webview(`header h1:has-text("${prompt}")`, TASK_TIMEOUT_MS);
  await begin(page).waitFor({ timeout: TASK_TIMEOUT_MS });
  return page;
}

/** In the header; the form has one that sends it. */
const begin = (page: Frame) => page.getByRole('banner').getByRole('button', { name: 'Create Pull Request' });
const send = (page: Frame) => page.locator('.over-foot').getByRole('button', { name: 'Create Pull Request' });

/** The whole result, as the backend has it. */
async function resultSha(title: string): Promise<string> {
  const client = connectTo(session.backend);
  try {
    const { tasks } = await client.call('task.list', {});
    const taskId = tasks.find((task) => task.title === title)?.id ?? '';
    const { task } = await client.call('task.get', { taskId });
    return task.turnList.at(-1)?.attempts[0]?.resultSha ?? '';
  } finally {
    client.close();
  }
}

const there = (...args: string[]) => git(github.gitDir(REPO), args);

test('without a forge the form says so, with both ways on; a token is refused where it is typed, then taken', async () => {
  const { window } = session;
  await withEvidence(session, 'pull-requests-token', async () => {
    const page = await runTask('Tidy the repository up.');
    await begin(page).click();
    await page.getByText('Connect it, then try again.').waitFor();
    await page.getByRole('button', { name: 'Use My Own Git and GitHub Session' }).waitFor();
    await window.screenshot('pull-request-not-connected-dark');
    await page.getByRole('button', { name: 'Connect…' }).click();
    await window.waitForInput(/How may .* push branches/);
    await window.screenshot('pull-request-connect-dark');
    await window.pick(/Paste a Fine-Grained Token/);
    await window.answerInput(/Token of 127\.0\.0\.1/, 'github_pat_that_nobody_gave');
    await window.page.getByText('does not accept the token').waitFor();
    await window.screenshot('pull-request-token-refused-dark');
    await window.answerInput(/Token of 127\.0\.0\.1/, token);
    await window.notification(/is connected as octocat/);
    await window.closeNotifications();
    // The form that could not be shown comes by itself now.
    await page.getByRole('textbox', { name: 'Title' }).waitFor();
  });
});

for (const theme of Object.keys(THEMES) as Theme[]) {
  test(`the form can be read in ${theme}, and everything in it has a name`, async () => {
    const { window } = session;
    await withEvidence(session, `pull-request-form-${theme}`, async () => {
      await window.useTheme(theme);
      const page = await window.webview('.pull-request-panel');
      await window.screenshot(`pull-request-form-${theme}`);
      assert.deepEqual(await paleText(page, 'editor'), []);
      assert.deepEqual(await nameless(page), []);
    });
  });
}

test('a result with binary files becomes a pull request, with its text, its author and its second yes', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'pull-requests-create', async () => {
    await window.useTheme('dark');
    const before = [listing(folder).join(), git(folder, ['status', '--porcelain'])];
    const page = await window.webview('.pull-request-panel');
    await page.getByRole('textbox', { name: 'Title' }).fill(TITLE);
    await page.getByRole('textbox', { name: 'Branch' }).fill(BRANCH);
    // Put away and opened again, it is as it was typed.
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.pull-request-panel').waitFor({ state: 'detached' });
    await begin(page).click();
    await page.getByRole('textbox', { name: 'Title' }).waitFor();
    assert.equal(await page.getByRole('textbox', { name: 'Title' }).inputValue(), TITLE);
    // Without the second yes nothing leaves.
    await send(page).click();
    await page.getByText('Look at these files, then tick this.').waitFor();
    assert.equal(github.pulls(REPO).length, 0);
    await page.getByRole('checkbox', { name: /I have looked at it/ }).click();
    await send(page).click();
    await page
      .locator('.card.pull-request h3', { hasText: `#1 ${TITLE}` })
      .waitFor({ timeout: TASK_TIMEOUT_MS });
    await window.screenshot('pull-request-card-dark');

    const pull = await github.pull(REPO, 1);
    assert.equal(pull.title, TITLE);
    assert.equal(there('rev-parse', `${BRANCH}~1`), git(folder, ['rev-parse', 'main']));
    assert.equal(`${there('show', `${BRANCH}:${SHOP}`)}\n`, WHOLE);
    assert.equal(there('show', '-s', '--format=%an <%ae>', BRANCH), 'Ada Lovelace <ada@example.org>');
    assert.match(
      there('show', '-s', '--format=%B', BRANCH),
      /^Signed-off-by: Ada Lovelace <ada@example\.org>$/m,
    );
    assert.match(there('diff', '--summary', `${BRANCH}~1`, BRANCH), /rename src\/\{?old-name/);
    const changed = there('diff', '--numstat', `${BRANCH}~1`, BRANCH);
    assert.match(changed, /^-\t-\tassets\/logo\.png$/m);
    assert.deepEqual([listing(folder).join(), git(folder, ['status', '--porcelain'])], before);
    const row = window.taskRows().filter({ hasText: 'Tidy the repository up.' });
    await window.openSideBar();
    await row.filter({ hasText: '#1 · open' }).waitFor();
  });
});

test('what others say shows on the card, and becomes a follow-up with one key', async () => {
  const { window } = session;
  await withEvidence(session, 'pull-requests-follow-up', async () => {
    const page = await window.webview('.card.pull-request');
    github.commentOnLine(REPO, 1, 'grace', { body: 'Why francs?', path: SHOP, line: 1 });
    github.addCheckRun(REPO, there('rev-parse', BRANCH), {
      name: 'lint',
      conclusion: 'failure',
      summary: '1 problem',
    });
    await page.getByRole('button', { name: 'Refresh the pull request' }).click();
    await page.getByText('Checks: 1 failed').waitFor();
    await window.screenshot('pull-request-feedback-dark');
    await page.getByRole('button', { name: /Follow up on comments/ }).click();
    await window.waitForInput(/Enter starts the follow-up/);
    await window.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Why francs?' }).waitFor();
    await window.screenshot('pull-request-follow-up-dark');
    await window.acceptInput();
    await page.getByText('Thank you, I look at the line.').waitFor({ timeout: TASK_TIMEOUT_MS });
    await ended(page, TASK_TIMEOUT_MS);
  });
});

for (const theme of Object.keys(THEMES) as Theme[]) {
  test(`the card can be read in ${theme}`, async () => {
    const { window } = session;
    await withEvidence(session, `pull-request-card-${theme}`, async () => {
      await window.useTheme(theme);
      const page = await window.webview('.card.pull-request');
      await window.screenshot(`pull-request-card-${theme}`);
      assert.deepEqual(await paleText(page, 'editor'), []);
      assert.deepEqual(await nameless(page), []);
    });
  });
}

test('without the backend’s credentials there is the person’s own git, and nothing leaves before they are signed in', async () => {
  const { window, folder } = session;
  await withEvidence(session, 'pull-requests-own', async () => {
    await window.useTheme('dark');
    await window.runCommand('Codex: Connect GitHub…');
    await window.pick(/Disconnect 127\.0\.0\.1/);
    await window.answerDialog('Disconnect');
    await window.notification(/is disconnected/);
    await window.closeNotifications();
    const before = [listing(folder).join(), git(folder, ['branch', '--list'])];
    const page = await runTask('Tidy up once more.');
    await begin(page).click();
    await page.getByRole('button', { name: 'Use My Own Git and GitHub Session' }).click();
    await page.getByText('Your own git pushes the branch').waitFor();
    await page.getByRole('textbox', { name: 'Title' }).fill('By my own hand');
    await page.getByRole('checkbox', { name: /I have looked at it/ }).click();
    await window.screenshot('pull-request-own-dark');
    await send(page).click();
    // VS Code's session is for the server that its own setting names: no other host's remote is given its token.
    await page.getByText('VS Code is not signed in to 127.0.0.1').waitFor();
    await window.screenshot('pull-request-own-session-dark');
    assert.equal(await page.getByRole('textbox', { name: 'Title' }).inputValue(), 'By my own hand');
    assert.deepEqual([listing(folder).join(), git(folder, ['branch', '--list'])], before);
    assert.equal(github.pulls(REPO).length, 1);
  });
});

test('no token is in a log, on a page or in the person’s repository, and GitHub was asked as it is', async () => {
  const { backend, server, window, folder } = session;
  const said = [backend.output(), await server.logs()];
  for (const frame of window.page.frames()) said.push(await frame.content().catch(() => ''));
  for (const secret of [token, personsToken]) assert.ok(!said.some((text) => text.includes(secret)));
  assert.ok(!git(folder, ['config', '--list', '--local']).includes(token));
  assert.notEqual(await resultSha('Tidy up once more.'), '');
  github.assertNoProblems();
});
