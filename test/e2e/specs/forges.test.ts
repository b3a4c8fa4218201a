/**
 * Connecting a forge as a person does it in VS Code, at a stand-in GitHub: with VS Code's own session, which is only
 * handed over after a yes, and with an app that the browser makes. Without either, one's own git and session do it.
 */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import type { Page } from 'playwright-core';
import { git } from '../../support/git.ts';
import type { ForgeView } from '../../../protocol/forge.ts';
import type { Token } from '../../support/github/index.ts';
import {
  begin,
  card,
  followUp,
  openAtForge,
  openedBy,
  REPO,
  runTask,
  send,
  TASK_TIMEOUT_MS,
  type AtForge,
} from '../harness/at-forge.ts';
import { connectTo } from '../harness/backend.ts';
import { withEvidence } from '../harness/session.ts';
import { SHOP } from '../harness/shop.ts';
import { listing } from '../harness/tree.ts';
import { SCREENSHOTS } from '../harness/window.ts';

const SESSION_EXTENSION = join(import.meta.dirname, '../github-session-extension');
const MINT = 'POST /app/installations/{installation_id}/access_tokens';

let at: AtForge;
/** Of VS Code's session. */
let token: Token;

before(async () => {
  at = await openAtForge((github) => {
    token = github.addToken('octocat');
    const helper = `!f() { echo username=octocat; echo "password=${token.value}"; }; f`;
    return {
      script: 'pull-request.yaml',
      insteadOf: { 'github-authentication': SESSION_EXTENSION },
      settings: { 'codexTest.githubToken': token.value, 'github-enterprise.uri': `http://${github.host}` },
      prepare: (folder) => git(folder, ['config', 'credential.helper', helper]),
    };
  });
});
after(async () => {
  await at?.close();
});

async function forges(): Promise<ForgeView[]> {
  const client = connectTo(at.backend);
  try {
    return (await client.call('forge.list', { check: true })).forges;
  } finally {
    client.close();
  }
}

const there = (...args: string[]) => git(at.github.gitDir(REPO), args);

test('with nothing connected, the person’s own git pushes and their session makes the pull request', async () => {
  const { window, folder, github } = at;
  await withEvidence(at, 'forges-own', async () => {
    const before = [listing(folder).join(), git(folder, ['status', '--porcelain'])];
    const page = await runTask(at, 'Count in francs.');
    await begin(page).click();
    await page.getByRole('button', { name: 'Use My Own Git and GitHub Session' }).click();
    await page.getByText('Your own git pushes the branch').waitFor();
    await page.getByRole('textbox', { name: 'Title' }).fill('By my own hand');
    await page.getByRole('textbox', { name: 'Branch' }).fill('codex/own');
    await page.getByRole('checkbox', { name: /^Draft/ }).click();
    await send(page).click();
    // VS Code's own question, for the first use of the session.
    await window.answerDialog('Allow');
    await card(page).locator('h3', { hasText: 'By my own hand' }).waitFor({ timeout: TASK_TIMEOUT_MS });
    await card(page).locator('.standing', { hasText: 'draft' }).waitFor();
    await window.screenshot('forges-own');
    assert.match(there('show', `codex/own:${SHOP}`), /"CHF"/);
    assert.equal(there('show', '-s', '--format=%an', 'codex/own'), 'Ada Lovelace');
    assert.deepEqual([listing(folder).join(), git(folder, ['status', '--porcelain'])], before);
    assert.equal(git(folder, ['symbolic-ref', '--short', 'HEAD']), 'main');
    assert.equal((await github.pull(REPO, 1)).title, 'By my own hand');
    assert.deepEqual(await forges(), []);
  });
});

test('an update goes the same way; what a hook has against it stands on the card, and can be gone on from', async () => {
  const { window, folder, github } = at;
  await withEvidence(at, 'forges-own-update', async () => {
    const page = await window.webview('.card.pull-request');
    const first = there('rev-parse', 'codex/own');
    const hook = join(folder, '.git/hooks/pre-push');
    writeFileSync(hook, '#!/bin/sh\nprintf "\\033[31mlint: 2 problems\\033[0m\\n" >&2\nexit 1\n', {
      mode: 0o755,
    });
    await followUp(page, 'Use the Swiss tax.');
    // Looked up by the session, since the backend has no access; without a word about that it would seem whole.
    await card(page).getByRole('button', { name: 'Refresh the pull request' }).click();
    await card(page).getByText('checks and comments are not shown').waitFor();
    await card(page).getByRole('button', { name: 'Connect…' }).waitFor();
    await window.screenshot('forges-own-unseen');
    await card(page).getByRole('button', { name: 'Update Pull Request' }).click();
    await card(page)
      .getByText(/“git push” of “codex\/own” failed: “lint: 2 problems”/)
      .waitFor();
    assert.equal(await page.locator('.pull-request-panel').count(), 0);
    await window.screenshot('forges-own-hook');
    assert.equal(there('rev-parse', 'codex/own'), first);

    rmSync(hook);
    await card(page).getByRole('button', { name: 'Update Pull Request' }).click();
    await card(page)
      .getByRole('button', { name: 'Update Pull Request' })
      .waitFor({ state: 'detached', timeout: TASK_TIMEOUT_MS });
    assert.equal(there('rev-parse', 'codex/own^'), first);
    assert.equal(await card(page).getByRole('alert').count(), 0);
    assert.equal(github.pulls(REPO).length, 1);
    await window.screenshot('forges-own-updated');

    await github.merge(REPO, 1, 'octocat');
    await card(page).getByRole('button', { name: 'Refresh the pull request' }).click();
    await card(page).locator('.standing', { hasText: 'merged' }).waitFor();
    await window.screenshot('forges-own-merged');
  });
});

test('the session’s token goes to the backend after a yes, and not before', async () => {
  const { window, github } = at;
  await withEvidence(at, 'forges-session', async () => {
    const asked = github.requests.length;
    await window.runCommand('Codex: Connect GitHub…');
    await window.pick(/Sign In with VS Code/);
    await window
      .dialog()
      .getByText(/Give .* the token of VS Code’s session/)
      .waitFor();
    await window.screenshot('forges-session-asked');
    await window.answerDialog('Cancel');
    await window.dialog().waitFor({ state: 'detached' });
    assert.deepEqual(await forges(), []);
    assert.equal(github.requests.length, asked);

    await window.runCommand('Codex: Connect GitHub…');
    await window.pick(/Sign In with VS Code/);
    await window.answerDialog('Sign In and Connect');
    await window.notification(/is connected as octocat/);
    assert.deepEqual(
      (await forges()).map(({ host, how, account }) => ({ host, how, account })),
      [{ host: github.host, how: 'token', account: 'octocat' }],
    );
    await window.closeNotifications();
  });
});

test('an app is made in the browser, is given a repository, and makes the pull request with tokens of its own', async () => {
  const { window, github } = at;
  await withEvidence(at, 'forges-app', async () => {
    await window.runCommand('Codex: Connect GitHub…');
    await window.pick(/Disconnect 127\.0\.0\.1/);
    await window.answerDialog('Disconnect');
    await window.notification(/is disconnected/);
    await window.closeNotifications();

    await window.runCommand('Codex: Connect GitHub…');
    await window.pick(/Make a GitHub App/);
    const tab = await openedBy(at, () =>
      window.answerInput(/The organization that it will belong to/, 'acme'),
    );
    const next = tab.getByRole('button', { name: `Go on at ${github.host}` });
    await next.waitFor();
    await looks(tab, 'forges-app-handover');
    await window.screenshot('forges-app-waiting');
    await next.click();
    await tab.getByRole('button', { name: 'Create GitHub App for acme' }).click();
    await tab.getByRole('heading', { name: `${github.host} is connected` }).waitFor();
    await looks(tab, 'forges-app-connected');
    await tab.close();
    const app = github.allApps().at(-1);
    assert.ok(app);
    await window.notification(/is connected/);
    await window.notification(/The app is made/);
    await window.screenshot('forges-app-made');
    const chooser = await openedBy(at, () =>
      window.answerNotification(/The app is made/, 'Choose Repositories'),
    );
    assert.match(chooser.url(), /\/installations\/new$/);
    await chooser.close();
    github.install(app, 'acme', { repos: [REPO] });

    const [forge] = await forges();
    assert.deepEqual([forge?.how, forge?.account, forge?.problem], ['app', app.name, undefined]);
    await window.closeNotifications();
    await window.runCommand('Codex: Connect GitHub…');
    await window.page
      .locator('.quick-input-list .monaco-list-row', { hasText: `app of ${app.name}` })
      .waitFor();
    await window.screenshot('forges-app-listed');
    await window.page.keyboard.press('Escape');

    const used = token.used;
    const page = await runTask(at, 'Francs by an app.');
    await begin(page).click();
    await page.getByRole('textbox', { name: 'Title' }).fill('By the app');
    await send(page).click();
    await card(page).locator('h3', { hasText: '#2 By the app' }).waitFor({ timeout: TASK_TIMEOUT_MS });
    assert.ok(github.asked(MINT) > 0);
    assert.equal(token.used, used);
    const { author } = await github.pull(REPO, 2);
    assert.equal(author.login, app.bot.login);
  });
});

/** Nothing of it may need the net: the pages' own policy would say so in the console. */
async function looks(tab: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await tab.emulateMedia({ colorScheme });
    await tab.screenshot({ path: `${SCREENSHOTS}/${name}-${colorScheme}.png` });
  }
}

test('no token or key is in a log or on a page, and GitHub was asked as it is', async () => {
  const { backend, server, window, github } = at;
  const said = [backend.output(), await server.logs()];
  for (const frame of window.page.frames()) said.push(await frame.content().catch(() => ''));
  const [app] = github.allApps();
  const secrets = [token.value, app?.privateKey.split('\n')[2] ?? '', app?.webhookSecret ?? ''];
  for (const secret of secrets) assert.ok(secret !== '' && !said.some((text) => text.includes(secret)));
  github.assertNoProblems();
});
