/** What the specs of pull requests need: a stand-in GitHub with the person's repository, and a task that has a result. */
import type { Frame, Page } from 'playwright-core';
import { git } from '../../support/git.ts';
import { startGitHub, type StandIn } from '../../support/github/index.ts';
import { connectTo } from './backend.ts';
import { connect, openSession, withEvidence, type Session, type SessionOptions } from './session.ts';
import { addShop } from './shop.ts';
import { ended } from './task-page.ts';

export const REPO = 'acme/parcel';
export const TASK_TIMEOUT_MS = 90_000;

export interface AtForge extends Session {
  github: StandIn;
}

type Options = Omit<SessionOptions, 'open'> & {
  /** More of the folder, before it is at the forge. */
  prepare?: (folder: string) => void;
  private?: boolean;
};

/** The window is open at a clone of `REPO` and connected to the backend; the backend is not connected to the forge. */
export async function openAtForge(how: (github: StandIn) => Options): Promise<AtForge> {
  const github = await startGitHub();
  try {
    const options = how(github);
    const session = await openSession({
      ...options,
      open: async (server, folder) => {
        addShop(folder);
        git(folder, ['config', 'user.name', 'Ada Lovelace']);
        git(folder, ['config', 'user.email', 'ada@example.org']);
        options.prepare?.(folder);
        await github.addRepo(REPO, {
          ...{ from: folder, roles: { octocat: 'write' } },
          ...(options.private ? { private: true } : {}),
        });
        git(folder, ['remote', 'add', 'origin', github.gitUrl(REPO)]);
        git(folder, ['update-ref', 'refs/remotes/origin/main', 'HEAD']);
        return server.folderUrl(folder);
      },
    });
    const { window, backend } = session;
    await withEvidence(session, 'at-forge-connect', async () => {
      await connect(window, backend.url, backend.token);
      await window.closeNotifications();
    });
    const close = async () => {
      await session.close();
      await github.close();
    };
    return { ...session, github, close };
  } catch (error) {
    await github.close();
    throw error;
  }
}

/** `Codex: Ask` as a code task; answers with its page once it has ended. */
export async function runTask({ window }: Session, prompt: string, heading = prompt): Promise<Frame> {
  await window.runCommand('Codex: Ask');
  await window.waitForInput(/Ask about this repository/);
  await window.page.keyboard.press('Control+.');
  await window.answerInput(/Describe a task/, prompt);
  const page = await window.webview(`header h1:has-text("${heading}")`, TASK_TIMEOUT_MS);
  await ended(page, TASK_TIMEOUT_MS);
  return page;
}

export async function followUp(page: Frame, prompt: string): Promise<void> {
  const box = page.locator('footer');
  await box.getByRole('textbox').fill(prompt);
  await box.getByRole('button', { name: /^Send/ }).click();
  await page.locator('.prompt', { hasText: prompt }).waitFor();
  await ended(page, TASK_TIMEOUT_MS);
}

/**
 * The page that this opens in the browser, at its own address: code-server sends what is on this machine through its
 * proxy, which a VS Code on this machine has none of.
 */
export async function openedBy({ window }: Session, act: () => Promise<void>): Promise<Page> {
  const [tab] = await Promise.all([window.page.context().waitForEvent('page'), act()]);
  const { pathname } = new URL(tab.url());
  const [, port, path = ''] = /^\/proxy\/(\d+)(\/.*)$/.exec(pathname) ?? [];
  if (port !== undefined) await tab.goto(`http://127.0.0.1:${port}${path}`);
  return tab;
}

/** In the header; the form has one that sends it. */
export const begin = (page: Frame) =>
  page.getByRole('banner').getByRole('button', { name: 'Create Pull Request' });
export const send = (page: Frame) =>
  page.locator('.over-foot').getByRole('button', { name: 'Create Pull Request' });
export const card = (page: Frame) => page.locator('.card.pull-request');

/** The newest whole result of a task, as the backend has it. */
export async function resultSha({ backend }: Session, title: string): Promise<string> {
  const client = connectTo(backend);
  try {
    const { tasks } = await client.call('task.list', {});
    const taskId = tasks.find((task) => task.title === title)?.id ?? '';
    const { task } = await client.call('task.get', { taskId });
    return task.turnList.at(-1)?.attempts[0]?.resultSha ?? '';
  } finally {
    client.close();
  }
}
