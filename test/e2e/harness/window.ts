/**
 * One window of VS Code in headless Chromium, driven as a person would: keys, the palette, the input
 * box, views, and the pages inside webviews.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Browser, type Frame, type Locator, type Page } from 'playwright-core';
import { requiredPath, type CodeServer } from './code-server.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const SIZE = { width: 1360, height: 850 };
/** A cold extension host on a busy machine of two cores. */
const LOAD_TIMEOUT_MS = 90_000;
const STEP_TIMEOUT_MS = 40_000;
/** A window just opened may not hear its keys; a palette opened before an extension was known lacks its commands. */
const PALETTE_TIMEOUT_MS = 3_000;
/** One that is known to have come is in sight at once, or behind the bell. */
const NOTIFICATION_TIMEOUT_MS = 2_000;
const POLL_MS = 100;

/** As VS Code's list has them, and the class that the window then carries. */
export const THEMES = {
  dark: { name: 'Dark Modern', mark: '.vs-dark' },
  light: { name: 'Light Modern', mark: '.vs' },
  contrast: { name: 'Dark High Contrast', mark: '.hc-black' },
  contrastLight: { name: 'Light High Contrast', mark: '.hc-light' },
} as const;
export type Theme = keyof typeof THEMES;

export const SCREENSHOTS = join(import.meta.dirname, '../../../test-output/e2e');

export class Window {
  readonly page: Page;
  readonly #browser: Browser;

  constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
  }

  static open(server: CodeServer, folder: string): Promise<Window> {
    return Window.openAt(server.folderUrl(folder));
  }

  static async openAt(url: string): Promise<Window> {
    const browser = await chromium.launch({
      executablePath: requiredPath('CODEX_TASKS_TEST_CHROMIUM'),
      args: FLAGS,
    });
    try {
      const context = await browser.newContext({ viewport: SIZE, locale: 'en-US' });
      const page = await context.newPage();
      page.setDefaultTimeout(STEP_TIMEOUT_MS);
      await page.goto(url, { timeout: LOAD_TIMEOUT_MS });
      await page.locator('.monaco-workbench .part.activitybar').waitFor({ timeout: LOAD_TIMEOUT_MS });
      await page.locator('.explorer-folders-view').waitFor({ timeout: LOAD_TIMEOUT_MS });
      return new Window(browser, page);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }

  /** The palette entry with exactly this title, as `Codex: Ask`; the palette is asked again until it knows it. */
  async runCommand(title: string): Promise<void> {
    const row = this.page.locator('.quick-input-list .monaco-list-row').filter({
      has: this.page.locator('.label-name', { hasText: new RegExp(`^${escaped(title)}$`) }),
    });
    await eventually(
      `the command “${title}”`,
      async () => {
        await this.page.keyboard.press('F1');
        try {
          await this.quickInput.fill(`>${title}`, { timeout: PALETTE_TIMEOUT_MS });
          await row.first().click({ timeout: PALETTE_TIMEOUT_MS });
          return true;
        } catch {
          // Where no palette came, the key would be the page's, which puts a form of ours away.
          if (await this.quickInput.isVisible())
            await this.quickInput.press('Escape', { timeout: PALETTE_TIMEOUT_MS }).catch(() => undefined);
          return false;
        }
      },
      LOAD_TIMEOUT_MS,
    );
  }

  /** The one-line input of VS Code, whatever asks by it at the moment. */
  get quickInput(): Locator {
    return this.page
      .locator(
        '.quick-input-widget:visible input[type="text"], .quick-input-widget:visible input[type="password"]',
      )
      .first();
  }

  /** Types into the input box whose prompt, title or placeholder matches, and presses Enter. */
  async answerInput(asks: RegExp, text: string): Promise<void> {
    await this.waitForInput(asks);
    await this.quickInput.fill(text);
    await this.acceptInput();
  }

  /** Enter, in the input itself: focus may still be on its way there from what asked before. */
  async acceptInput(): Promise<void> {
    await this.quickInput.press('Enter');
  }

  async waitForInput(asks: RegExp): Promise<void> {
    await eventually(`an input that asks ${asks}`, async () => {
      const widget = this.page.locator('.quick-input-widget:visible');
      if ((await widget.count()) === 0) return false;
      const placeholder = await this.quickInput.getAttribute('placeholder').catch(() => '');
      return asks.test(`${await widget.innerText()}\n${placeholder ?? ''}`);
    });
  }

  /** Chooses the entry of a list in the palette's place. */
  async pick(entry: RegExp): Promise<void> {
    const row = this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: entry });
    await row.first().click();
  }

  /** Clicks a button of a modal dialog. */
  async answerDialog(button: string): Promise<void> {
    await this.page.locator('.monaco-dialog-box').getByRole('button', { name: button, exact: true }).click();
  }

  dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  /**
   * Waits for a notification that says this. VS Code takes one out of sight after ten seconds, or when
   * others come: it is looked for behind the bell then, where it stays until it is answered.
   */
  async notification(text: RegExp, timeoutMs = STEP_TIMEOUT_MS): Promise<Locator> {
    const places = ['.notifications-toasts', '.notifications-center.visible'];
    const item = this.page
      .locator(places.map((place) => `${place} .notification-list-item`).join(', '))
      .filter({ hasText: text })
      .first();
    try {
      await item.waitFor({ timeout: timeoutMs });
    } catch {
      await this.runCommand('Notifications: Show Notifications');
      await item.waitFor();
    }
    return item;
  }

  /** Presses a button of the notification that says this, wherever it stands by now. */
  async answerNotification(text: RegExp, button: string): Promise<void> {
    await eventually(`the button “${button}” of a notification that says ${text}`, async () => {
      const item = await this.notification(text, NOTIFICATION_TIMEOUT_MS);
      try {
        await item
          .getByRole('button', { name: button, exact: true })
          .click({ timeout: NOTIFICATION_TIMEOUT_MS });
        return true;
      } catch {
        return false;
      }
    });
  }

  async closeNotifications(): Promise<void> {
    await this.runCommand('Notifications: Clear All Notifications');
  }

  /** Shows our views. */
  async openSideBar(): Promise<void> {
    const action = this.page
      .locator('.activitybar .action-item')
      .filter({ has: this.page.locator('[aria-label^="Codex"]') });
    const selected = this.page.locator('.part.sidebar .composite.title', { hasText: 'Codex' });
    if ((await selected.count()) === 0) await action.first().click();
    await selected.first().waitFor();
    await this.webview('textarea, vscode-text-area');
  }

  /** Rows of the task list. */
  taskRows(): Locator {
    return this.page
      .locator('.part.sidebar .pane', { has: this.page.locator('[aria-label^="Tasks"]') })
      .locator('.monaco-list-row');
  }

  /** The same window, loaded anew. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.locator('.monaco-workbench .part.activitybar').waitFor({ timeout: LOAD_TIMEOUT_MS });
  }

  /** The page inside a webview that has this element, once there is one. */
  async webview(selector: string, timeoutMs = STEP_TIMEOUT_MS): Promise<Frame> {
    return eventually(
      `a webview with ${selector}`,
      async () => {
        for (const frame of this.page.frames()) {
          if (frame === this.page.mainFrame()) continue;
          const count = await frame
            .locator(selector)
            .count()
            .catch(() => 0);
          if (count > 0) return frame;
        }
        return false;
      },
      timeoutMs,
    );
  }

  async useTheme(theme: Theme): Promise<void> {
    const { name, mark } = THEMES[theme];
    await this.runCommand('Preferences: Color Theme');
    await this.quickInput.fill(name);
    await this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: name }).waitFor();
    await this.page.keyboard.press('Enter');
    await this.page.locator(`.monaco-workbench${mark}`).waitFor();
  }

  async screenshot(name: string): Promise<void> {
    await mkdir(SCREENSHOTS, { recursive: true });
    // Onto the title bar: what the pointer rests on shows a hover.
    await this.page.mouse.move(300, 8);
    await this.page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  }
}

/** Polls until the check gives something truthy; fails with what was awaited. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | false>,
  timeoutMs = STEP_TIMEOUT_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== false) return value;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
