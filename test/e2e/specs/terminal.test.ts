/**
 * `Codex: Open Terminal in Sandbox` in a real VS Code: a shell where the turn worked, which follows the
 * panel’s size, hears keys, survives a flood, gives way to a turn, and says how it ended.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test, { after, before } from 'node:test';
import type { Frame } from 'playwright-core';
import { connect as connectTo, type BackendConnection } from '../../../client/connection/index.ts';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import { defaultEnvironment } from '../../../protocol/environment.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { ended } from '../harness/task-page.ts';
import { READABLE_TERMINAL, terminalNames, terminalShows, typeInTerminal } from '../harness/terminal.ts';
import { eventually } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 90_000;
/** 200,000 lines at the pace that a terminal is given. */
const FLOOD_TIMEOUT_MS = 30_000;
/** It stops at once; what had come before it is still to be drawn, which a busy machine takes long for. */
const STOP_TIMEOUT_MS = 60_000;

let session: Session;
let other: BackendConnection;

before(async () => {
  session = await openSession({ script: 'commands.yaml', settings: READABLE_TERMINAL });
  const { window, backend } = session;
  other = connectTo({
    url: backend.url,
    token: async () => backend.token,
    client: { name: 'codex-tasks-test', version: '0' },
    openSocket: nodeSocket(),
  });
  await withEvidence(session, 'terminal-connect', async () => {
    await connect(window, backend.url, backend.token);
    await window.openSideBar();
  });
});
after(async () => {
  other?.close();
  await session?.close();
});

/** Sends a task by the composer and returns its page. */
async function submit(prompt: string): Promise<Frame> {
  const { window } = session;
  const composer = await window.webview('main .about');
  await composer.getByRole('radio', { name: 'Code' }).click();
  await composer.getByRole('textbox').fill(prompt);
  await composer.getByRole('button', { name: /^Send/ }).click();
  return window.webview(`h1:has-text("${prompt.split('\n')[0] ?? ''}")`, TASK_TIMEOUT_MS);
}

test('a shell stands where the turn worked, follows the panel, and hears keys', async () => {
  const { window } = session;
  await withEvidence(session, 'terminal-shell', async () => {
    const page = await submit('Write a file\n$ echo from the turn > made.txt');
    await page.getByText(/^Done:/).waitFor({ timeout: TASK_TIMEOUT_MS });
    await ended(page, TASK_TIMEOUT_MS);
    const row = window.taskRows().filter({ hasText: 'Write a file' }).filter({ hasText: '1 file' }).first();
    await row.click({ button: 'right' });
    await window.screenshot('terminal-menu-dark');
    await window.page.locator('.monaco-menu').getByText('Open Terminal in Sandbox').click();
    await terminalShows(window, /without internet access/);
    await typeInTerminal(window, 'echo hi; tput cols; pwd; cat made.txt');
    const before = await terminalShows(window, /hi\n(\d+)\n\/workspace\/parcel\nfrom the turn/);
    const columns = Number(/hi\n(\d+)\n/.exec(before)?.[1]);
    await window.screenshot('terminal-shell-dark');

    await window.page.setViewportSize({ width: 1000, height: 850 });
    await eventually('fewer columns', async () => {
      await typeInTerminal(window, 'clear; echo "now $(tput cols)."');
      const now = /^now (\d+)\./m.exec(await terminalShows(window, /^now \d+\./m))?.[1];
      return Number(now) < columns;
    });
    await window.page.setViewportSize({ width: 1360, height: 850 });

    await typeInTerminal(window, 'clear; echo be""gins; sleep 100');
    await terminalShows(window, /^begins/m);
    await window.page.keyboard.press('Control+C');
    await typeInTerminal(window, 'echo "ended with $?"');
    await terminalShows(window, /^ended with 130/m);
  });
});

test('a flood is drawn to its end, and one that has none stops at a key', async () => {
  const { window } = session;
  await withEvidence(session, 'terminal-flood', async () => {
    await typeInTerminal(window, 'clear; seq 200000; echo all""drawn');
    await terminalShows(window, /^200000\nalldrawn/m, FLOOD_TIMEOUT_MS);
    await typeInTerminal(window, 'yes again and again');
    await terminalShows(window, /(again and again\n){5}/);
    await window.page.keyboard.press('Control+C');
    await window.page.keyboard.type('clear; echo still""here\n');
    await terminalShows(window, /^stillhere/m, STOP_TIMEOUT_MS);
  });
});

test('a turn takes the sandbox over, and the terminal says so', async () => {
  const { window } = session;
  await withEvidence(session, 'terminal-turn', async () => {
    await typeInTerminal(window, 'echo by hand >> made.txt');
    const page = await window.webview('h1:has-text("Write a file")');
    await page.getByRole('textbox').fill('And now?\n$ cat made.txt');
    await page.getByRole('textbox').press('Control+Enter');
    await terminalShows(window, /A turn has started and taken the sandbox over/, TASK_TIMEOUT_MS);
    await page.getByText(/Done: from the turn\s+by hand/).waitFor({ timeout: TASK_TIMEOUT_MS });
    await ended(page, TASK_TIMEOUT_MS);
    await window.screenshot('terminal-turn-dark');
    assert.equal(
      await page.getByRole('textbox').evaluate((box) => box.matches(':focus-within, :focus')),
      true,
    );
  });
});

test('the shell’s end is told, and one that was simply left closes', async () => {
  const { window } = session;
  await withEvidence(session, 'terminal-end', async () => {
    await window.runCommand('Codex: Open Terminal in Sandbox');
    await eventually('a second terminal', async () => (await terminalNames(window)).length === 2);
    await terminalShows(window, /# ?$/);
    await typeInTerminal(window, 'exit 3');
    await terminalShows(window, /The shell has ended with exit code 3\./);
    await window.useTheme('light');
    await window.screenshot('terminal-end-light');
    await window.useTheme('dark');
  });
});

test('a failed setup leaves its sandbox to look at; without one, a sentence says so', async () => {
  const { window } = session;
  await withEvidence(session, 'terminal-setup', async () => {
    const environment = { ...defaultEnvironment(), setup: 'echo so far > /tmp/so-far\nls /no-such-folder\n' };
    await other.call('environment.put', { environment });
    const page = await submit('Set up, please');
    await page.getByRole('alert').waitFor({ timeout: TASK_TIMEOUT_MS });
    await page.getByRole('button', { name: 'Open Terminal in Sandbox' }).click();
    await terminalShows(window, /as the failed setup left it.*# ?$/);
    await typeInTerminal(window, 'cat /tmp/so-far');
    await terminalShows(window, /^so far/m);
    await window.screenshot('terminal-setup-dark');

    const { tasks } = await other.call('task.list', {});
    const task = tasks.find(({ title }) => title.startsWith('Set up'));
    assert.ok(task);
    spawnSync('docker', ['rm', '-f', '-v', `codex-setup-${task.id}-1`]);
    await terminalShows(window, /The sandbox has stopped/);
    await page.getByRole('button', { name: 'Open Terminal in Sandbox' }).click();
    await terminalShows(window, /the sandbox is gone/);
    await window.screenshot('terminal-gone-dark');
  });
});
