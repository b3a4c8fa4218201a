/**
 * Internet access in a real VS Code: off, then only listed domains by the dialogs; a task is refused a
 * host, the person allows it from the task's page, and the task's next try reaches it. The host is a
 * listener of this test on loopback, which the backend's owner has named.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import type { Frame } from 'playwright-core';
import { EgressEntry } from '../../../protocol/environment.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { eventually } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 90_000;
const CONFIG = `
egress:
  allowPrivate:
    - { host: localhost, cidr: 127.0.0.0/8 }
    - { host: localhost, cidr: '::1/128' }
`;

let session: Session;
let listener: Server;
let port: number;
/** What reached the listener. */
const hits: string[] = [];

before(async () => {
  listener = createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    response.end('reached the listener\n');
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  port = (listener.address() as AddressInfo).port;
  session = await openSession({ script: 'internet.yaml', config: CONFIG });
  const { window, backend } = session;
  await withEvidence(session, 'connect', () => connect(window, backend.url, backend.token));
});
after(async () => {
  await session?.close();
  listener.closeAllConnections();
  listener.close();
});

const composer = (): Promise<Frame> => session.window.webview('main .about');
const taskPage = (): Promise<Frame> => session.window.webview('header h1', TASK_TIMEOUT_MS);

test('access is off until someone turns it on, after a warning', async () => {
  const { window } = session;
  await withEvidence(session, 'turn-on', async () => {
    await window.openSideBar();
    const page = await composer();
    await page.getByRole('button', { name: 'No internet' }).waitFor();

    await window.runCommand('Codex: Internet Access…');
    await window.waitForInput(/Choose an environment/);
    await window.pick(/^default/);
    await window.waitForInput(/Internet Access of “default”/);
    await window.screenshot('internet-off-dark');
    await window.pick(/Only listed domains/);
    await window.dialog().getByText('posts your last commit to a stranger').waitFor();
    await window.screenshot('internet-warning-dark');
    await window.answerDialog('Learn More');
    const docs = await window.webview('#why-it-is-off');
    await docs.getByText('has posted your last commit to a stranger').waitFor();
    await window.screenshot('internet-docs-dark');
    await page.getByRole('button', { name: 'No internet' }).waitFor();

    await page.getByRole('button', { name: 'No internet' }).click();
    await window.waitForInput(/Nothing on the internet can be reached/);
    await window.pick(/Only listed domains/);
    await window.answerDialog('Turn On');
    await window.waitForInput(/Add domains/);
    await page.getByRole('button', { name: 'Limited internet' }).waitFor();
  });
});

test('domains are added and removed; what is none is said while typing, or by the backend', async () => {
  const { window } = session;
  const rows = () => window.page.locator('.quick-input-list .monaco-list-row');
  await withEvidence(session, 'domains', async () => {
    await window.quickInput.fill('https://example.com/');
    await rows().filter({ hasText: 'is not a domain' }).waitFor();
    await window.quickInput.fill('co.uk');
    await window.acceptInput();
    await rows().filter({ hasText: 'is a public suffix' }).waitFor();
    await window.quickInput.fill('registry.example, =docs.example');
    await window.acceptInput();
    await rows().filter({ hasText: '=docs.example' }).waitFor();
    await window.screenshot('internet-domains-dark');
    await rows().filter({ hasText: '=docs.example' }).hover();
    await rows().filter({ hasText: '=docs.example' }).getByRole('button', { name: 'Remove' }).click();
    await rows().filter({ hasText: '=docs.example' }).waitFor({ state: 'detached' });
    await rows().filter({ hasText: 'registry.example' }).waitFor();
    await window.page.keyboard.press('Escape');
    await window.waitForInput(/Only registry\.example can be reached/);
    await window.screenshot('internet-limited-dark');
    await window.page.keyboard.press('Escape');
    const page = await composer();
    const access = page.getByRole('button', { name: 'Limited internet' });
    await eventually('what can be reached', async () =>
      /Only registry\.example can be reached/.test((await access.getAttribute('title')) ?? ''),
    );
  });
});

test('a refused host is a quiet row; allowed from there, the next try reaches it', async () => {
  const { window } = session;
  await withEvidence(session, 'refused', async () => {
    const ask = `curl -sS --noproxy "" -x http://proxy:8080 http://localhost:${port}/parcels`;
    await window.runCommand('Codex: Ask');
    const prompt = `$ curl -sS https://collector.example/ ; echo '${ask}' > /tmp/ask.sh; sh /tmp/ask.sh`;
    await window.answerInput(/Ask about this repository/, prompt);
    const page = await taskPage();
    await page.getByText('collector.example was refused: not in the allowed domains').waitFor({
      timeout: TASK_TIMEOUT_MS,
    });
    const row = page.locator('.denial', { hasText: `localhost:${port}` });
    await row.getByRole('button', { name: 'Allow and Retry' }).waitFor({ timeout: TASK_TIMEOUT_MS });
    assert.deepEqual(hits, [], 'nothing was reached before it was allowed');
    await page.getByRole('button', { name: 'Limited internet' }).waitFor();
    await window.screenshot('internet-refused-dark');

    await row.getByRole('button', { name: 'Allow and Retry' }).click();
    await window.dialog().getByText(`reach localhost:${port}`).waitFor();
    await window.screenshot('internet-allow-dark');
    await window.answerDialog('Allow and Retry');
    await page.getByText('Tried again: ').waitFor({ timeout: TASK_TIMEOUT_MS });
    assert.deepEqual(hits, ['GET /parcels']);
    await row.getByText('allowed since').waitFor();
  });
});

test('the log of the task says what was asked for', async () => {
  const { window } = session;
  await withEvidence(session, 'log', async () => {
    const page = await taskPage();
    const options = { cwd: session.folder };
    await page.getByRole('button', { name: 'Limited internet' }).click();
    const table = page.getByRole('table');
    await eventually('three entries', async () => (await table.getByRole('row').count()) === 4);
    const cells = async (host: string, verdict: string) => {
      const found = table.getByRole('row').filter({ hasText: host }).filter({ hasText: verdict });
      return (await found.first().getByRole('cell').allInnerTexts()).map((text) => text.trim());
    };
    assert.deepEqual((await cells('collector.example', 'refused')).slice(1, 7), [
      'Agent',
      'collector.example',
      '443',
      'CONNECT',
      'refused',
      'not in the allowed domains',
    ]);
    const reached = await cells('localhost', 'allowed');
    assert.deepEqual(reached.slice(2, 6), ['localhost', String(port), 'GET', 'allowed']);
    assert.equal(reached[7], '127.0.0.1');
    assert.match(reached[8] ?? '', /^\d+ B$/);
    for (const theme of ['light', 'contrast', 'dark'] as const) {
      await window.useTheme(theme);
      await window.screenshot(`internet-log-${theme}`);
    }
    await page.getByRole('radio', { name: 'Refused' }).click();
    await eventually('two entries', async () => (await table.getByRole('row').count()) === 3);
    await page.getByRole('button', { name: 'Export as JSON lines' }).click();
    await window.waitForInput(/Export What the Task Asked/);
    await window.acceptInput();
    const file = await eventually('the export', async () => globSync('*.egress.jsonl', options)[0] ?? false);
    const lines = await eventually('its lines', async () => {
      const text = readFileSync(join(session.folder, file), 'utf8');
      return text.endsWith('\n') && text.trim().split('\n');
    });
    const exported = lines.map((line) => EgressEntry.parse(JSON.parse(line)));
    assert.deepEqual(
      exported.map(({ host, verdict }) => `${host} ${verdict}`),
      ['collector.example denied', 'localhost denied', 'localhost allowed'],
    );
    await page.getByRole('button', { name: 'Close the log' }).last().click();
    await table.waitFor({ state: 'detached' });
    for (const theme of ['light', 'contrast', 'dark'] as const) {
      await window.useTheme(theme);
      await window.screenshot(`internet-task-${theme}`);
    }
  });
});

test('turned off again, nothing is asked and the page of the composer says so', async () => {
  const { window } = session;
  await withEvidence(session, 'turn-off', async () => {
    const page = await composer();
    await page.getByRole('button', { name: 'Limited internet' }).click();
    await window.waitForInput(/Only registry\.example/);
    await window.pick(/^.?Off/);
    await window.waitForInput(/Nothing on the internet can be reached/);
    await window.page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'No internet' }).waitFor();
  });
});

test('with several environments, the composer names the one that new tasks run in', async () => {
  const { window } = session;
  await withEvidence(session, 'several', async () => {
    const page = await composer();
    await window.runCommand('Codex: Internet Access…');
    await window.pick(/New Environment/);
    await window.answerInput(/It starts without internet access/, 'web');
    await window.waitForInput(/Internet Access of “web”/);
    await window.pick(/Common dependencies/);
    await window.answerDialog('Turn On');
    await window.waitForInput(/The common dependencies can be reached/);
    await window.page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'default · No internet' }).click();
    await window.waitForInput(/Environment of New Tasks/);
    await window.screenshot('internet-environments-dark');
    await window.pick(/^web/);
    await page.getByRole('button', { name: 'web · Limited internet' }).waitFor();
    await window.runCommand('Codex: Ask');
    await window.waitForInput(/parcel · main · limited internet/);
    await window.page.keyboard.press('Escape');
  });
});
