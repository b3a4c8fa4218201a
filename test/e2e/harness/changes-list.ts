/** The list “Codex Changes”, by mouse. */
import type { Locator } from 'playwright-core';
import { eventually, type Window } from './window.ts';

/** Where the pointer covers nothing and no hover comes up. */
const ASIDE = { x: 1100, y: 800 };

export class ChangesList {
  readonly #window: Window;

  constructor(window: Window) {
    this.#window = window;
  }

  /** VS Code draws only rows that fit: the views above are folded. */
  async makeRoom(): Promise<void> {
    await this.pane.waitFor();
    const views = this.#window.page.locator('.part.sidebar .pane-header', { hasText: /^(New Task|Tasks)/ });
    await eventually('the other views folded', async () => {
      const expanded = views.and(this.#window.page.locator('.expanded'));
      if ((await expanded.count()) === 0) return (await views.count()) === 2;
      await expanded.first().click();
      return false;
    });
  }

  /** What each row says, as it is read out: its name, and what is decided. */
  async rows(): Promise<string[]> {
    const labels = await Promise.all(
      (await this.#rows.all()).map((row) => row.getAttribute('aria-label', { timeout: 2_000 })),
    ).catch(() => []);
    return labels.map((label) => label ?? '');
  }

  row(says: RegExp): Locator {
    return this.#rows.and(this.#window.page.locator('[aria-label]')).filter({ hasText: says }).first();
  }

  /** Waits for a row that is read out so. */
  async waitFor(says: RegExp): Promise<void> {
    await eventually(`a row that says ${says}`, async () =>
      (await this.rows()).some((one) => says.test(one)),
    );
  }

  async click(row: RegExp): Promise<void> {
    await this.#aside();
    await this.row(row).click();
    await this.#aside();
  }

  async unfold(row: RegExp): Promise<void> {
    await this.#aside();
    await this.row(row).locator('.monaco-tl-twistie').click();
    await this.#aside();
  }

  /** One of the buttons that a row shows under the pointer. */
  async press(row: RegExp, action: string): Promise<void> {
    await this.#aside();
    await this.row(row).hover();
    await this.row(row).locator(`.action-label[aria-label^="${action}"]`).click();
    await this.#aside();
  }

  async tick(row: RegExp): Promise<void> {
    await this.#aside();
    await this.row(row)
      .locator('.custom-view-tree-node-item-checkbox, .monaco-custom-toggle')
      .first()
      .click();
    await this.#aside();
  }

  get pane(): Locator {
    const { page } = this.#window;
    return page.locator('.part.sidebar .pane', { has: page.locator('[aria-label^="Codex Changes"]') });
  }

  get #rows(): Locator {
    return this.pane.locator('.monaco-list-row');
  }

  async #aside(): Promise<void> {
    await this.#window.page.mouse.move(ASIDE.x, ASIDE.y);
    await this.#window.page
      .locator('.workbench-hover:visible')
      .waitFor({ state: 'detached' })
      .catch(() => undefined);
  }
}
