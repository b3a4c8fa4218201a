/**
 * Setup scripts in a real VS Code: “Test Setup” opens its task, a failure says where and what to try,
 * the script is mended on the page, and the next task finds the environment prepared.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { Frame } from 'playwright-core';
import { connect as connectTo, type BackendConnection } from '../../../client/connection/index.ts';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import { defaultEnvironment } from '../../../protocol/environment.ts';
import { nameless, paleText } from '../harness/look.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';

const TASK_TIMEOUT_MS = 120_000;
const SETUP = 'echo getting ready\necho "with $GREETING" > /tmp/prepared\n';

let session: Session;
let other: BackendConnection;

before(async () => {
  session = await openSession({ script: 'environment.yaml' });
  const { window, backend } = session;
  other = connectTo({
    url: backend.url,
    token: async () => backend.token,
    client: { name: 'codex-tasks-test', version: '0' },
    openSocket: nodeSocket(),
  });
  await other.call('environment.put', {
    environment: {
      ...defaultEnvironment(),
      variables: { GREETING: 'hello' },
      setup: 'echo getting ready\nls /no-such-folder\necho never\n',
    },
  });
  await withEvidence(session, 'setup-connect', async () => {
    await connect(window, backend.url, backend.token);
    await window.openSideBar();
    const composer = await window.webview('main .about');
    await composer.getByRole('button', { name: 'No internet' }).waitFor();
  });
});
after(async () => {
  other?.close();
  await session?.close();
});

const taskPage = (): Promise<Frame> => session.window.webview('header h1', TASK_TIMEOUT_MS);

test('a setup that fails says where, how and what to try, and leads to its environment', async () => {
  const { window } = session;
  await withEvidence(session, 'setup-fails', async () => {
    await window.runCommand('Codex: Environments…');
    const page = await window.webview('.page section');
    await page.getByText('The setup is tested with the folder parcel.').waitFor();
    await page.getByRole('button', { name: 'Test Setup' }).click();
    const task = await taskPage();
    const alert = task.getByRole('alert');
    await alert.getByText(/failed in line 2 .*no-such-folder/).waitFor({ timeout: TASK_TIMEOUT_MS });
    await alert.locator('.tail', { hasText: 'No such file or directory' }).waitFor();
    await task.getByText('Environment default · base · setup script').waitFor();
    await task.getByRole('listitem').filter({ hasText: 'Set up' }).filter({ hasText: 'failed' }).waitFor();
    for (const theme of ['dark', 'light', 'contrast'] as const) {
      await window.useTheme(theme);
      assert.deepEqual(await paleText(task, 'editor'), []);
      await window.screenshot(`setup-failed-${theme}`);
    }
    assert.deepEqual(await nameless(task), []);
    await window.useTheme('dark');
    await alert.getByRole('button', { name: 'Open Environment' }).click();
    const again = await window.webview('.page section');
    await again.getByRole('textbox', { name: 'Setup script' }).fill(SETUP);
    await again.getByRole('button', { name: 'Save and Test Setup' }).click();
  });
});

test('mended, it passes, and what it printed stands under the setup', async () => {
  const { window } = session;
  await withEvidence(session, 'setup-passes', async () => {
    const task = await taskPage();
    const setup = task.locator('.command', { has: task.locator('.by', { hasText: 'Setup' }) });
    await setup.getByRole('img', { name: 'succeeded' }).waitFor({ timeout: TASK_TIMEOUT_MS });
    assert.equal((await other.call('environment.get', { name: 'default' })).environment.setup, SETUP);
    await window.screenshot('setup-passed-dark');
  });
});

test('the next task starts from what was prepared, and says what that saved', async () => {
  const { window } = session;
  await withEvidence(session, 'setup-prepared', async () => {
    const composer = await window.webview('main .about');
    await composer.getByRole('radio', { name: 'Code' }).click();
    await composer.getByRole('textbox').fill('What was prepared?');
    await composer.getByRole('button', { name: /^Send/ }).click();
    const task = await window.webview('h1:has-text("What was prepared?")', TASK_TIMEOUT_MS);
    await task.getByText('It says: with hello').waitFor({ timeout: TASK_TIMEOUT_MS });
    const line = task.locator('.environment');
    await line.getByRole('button', { name: /Environment default.*prepared .* ago, saved/ }).click();
    await line.getByText('GREETING').waitFor();
    await task
      .getByRole('listitem')
      .filter({ hasText: /Set up.*cached, saved/ })
      .waitFor();
    for (const theme of ['dark', 'light', 'contrast'] as const) {
      await window.useTheme(theme);
      assert.deepEqual(await paleText(task, 'editor'), []);
      await window.screenshot(`setup-prepared-${theme}`);
    }
    await line.getByRole('button', { name: 'Open Environment' }).click();
    await window.webview('.page section');
  });
});
