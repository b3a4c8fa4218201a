/**
 * A branch that changes `.codex/environment.yaml`, in a real VS Code: its setup does not get the secrets;
 * a person compares it with the default branch’s, approves it, and tries again.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { connect as connectTo, type BackendConnection } from '../../../client/connection/index.ts';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import { git, write } from '../../support/git.ts';
import { nameless, paleText } from '../harness/look.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { ended, unfold } from '../harness/task-page.ts';

const TASK_TIMEOUT_MS = 90_000;
const FILE = '.codex/environment.yaml';
const ON_MAIN = `version: 1
setup: echo ready
`;
const ON_BRANCH = `version: 1
setup: |
  echo "the key has \${#DEPLOY_KEY} letters"
  test -n "$DEPLOY_KEY"
`;
const VALUE = 'correct-horse-battery';

let session: Session;
let other: BackendConnection;

before(async () => {
  session = await openSession({ script: 'commands.yaml' });
  const { window, backend, folder } = session;
  write(folder, FILE, ON_MAIN);
  git(folder, ['add', FILE]);
  git(folder, ['commit', '-q', '-m', 'Say how it is set up', '--', FILE]);
  git(folder, ['switch', '-q', '-c', 'deploy']);
  write(folder, FILE, ON_BRANCH);
  git(folder, ['commit', '-q', '-m', 'Set up with the key', '--', FILE]);
  other = connectTo({
    url: backend.url,
    token: async () => backend.token,
    client: { name: 'codex-tasks-test', version: '0' },
    openSocket: nodeSocket(),
  });
  await other.call('secret.put', { environment: 'default', name: 'DEPLOY_KEY', value: VALUE });
  await withEvidence(session, 'script-connect', async () => {
    await connect(window, backend.url, backend.token);
    await window.openSideBar();
  });
});
after(async () => {
  other?.close();
  await session?.close();
});

test('the setup of a branch has no secrets until a person has compared and approved it', async () => {
  const { window } = session;
  await withEvidence(session, 'script', async () => {
    const composer = await window.webview('main .about');
    await composer.getByRole('button', { name: /deploy/ }).waitFor();
    await composer.getByRole('radio', { name: 'Code' }).click();
    await composer.getByRole('textbox').fill('Deploy it');
    await composer.getByRole('button', { name: /^Send/ }).click();
    const page = await window.webview('h1:has-text("Deploy it")', TASK_TIMEOUT_MS);
    const warning = page.locator('.notice', { hasText: 'differs from the default branch’s' });
    await warning.waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByRole('alert').waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByText('the key has 0 letters').first().waitFor();
    for (const theme of ['dark', 'light'] as const) {
      await window.useTheme(theme);
      assert.deepEqual(await paleText(page, 'editor'), []);
      await window.screenshot(`script-warning-${theme}`);
    }
    assert.deepEqual(await nameless(page), []);

    await warning.getByRole('button', { name: 'Review and Approve' }).click();
    const question = /Let this environment file have the secrets\?/;
    await window.notification(question);
    const diff = window.page.locator('.monaco-diff-editor');
    await diff.locator('.original').getByText('echo ready').waitFor();
    await diff.locator('.modified').getByText('test -n "$DEPLOY_KEY"').waitFor();
    await window.screenshot('script-diff-light');
    await window.useTheme('dark');
    await window.screenshot('script-diff-dark');
    await window.answerNotification(question, 'Approve');
    await window.notification(/^.*Approved\./);
    await window.screenshot('script-approved-dark');
    await window.answerNotification(/^.*Approved\./, 'Retry');

    const again = await window.webview('h1:has-text("Deploy it")');
    await again.getByText(/^Done:/).waitFor({ timeout: TASK_TIMEOUT_MS });
    await ended(again, TASK_TIMEOUT_MS);
    const setup = again.locator('.command', { has: again.locator('.by', { hasText: 'Setup' }) }).last();
    await unfold(setup);
    await setup.getByText(`the key has ${VALUE.length} letters`).first().waitFor();
    await window.screenshot('script-retried-dark');
    assert.equal(await again.getByRole('button', { name: 'Review and Approve' }).count(), 0);
    assert.doesNotMatch(await again.locator('body').innerText(), new RegExp(VALUE));
  });
});
