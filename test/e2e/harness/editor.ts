/** The text editor of the window, by keys: lines, chords of the review, and the line above a change. */
import type { Locator } from 'playwright-core';
import { eventually, type Window } from './window.ts';

/** Of a bar that was clicked. */
const PEEK_TIMEOUT_MS = 4_000;

export class Editor {
  readonly #window: Window;
  readonly #file: string;

  /** `file`: the name that its tab has. */
  constructor(window: Window, file: string) {
    this.#window = window;
    this.#file = file;
  }

  async waitFor(): Promise<void> {
    await this.#window.page.locator('.tab.active', { hasText: this.#file }).waitFor();
  }

  async goTo(line: number): Promise<void> {
    await this.waitFor();
    await this.#window.page.keyboard.press('Control+g');
    await this.#window.quickInput.fill(`:${line}`);
    await this.#window.acceptInput();
    await this.at(line);
  }

  /** Waits until the cursor is there. */
  async at(line: number): Promise<void> {
    await this.#window.page.getByRole('button', { name: new RegExp(`^Ln ${line}, Col`) }).waitFor();
  }

  /** A chord of the review: Ctrl+K, then this. */
  async chord(key: string): Promise<void> {
    await this.#window.page.keyboard.press('Control+k');
    await this.#window.page.keyboard.press(key);
  }

  line(text: string): Locator {
    return this.#window.page.locator('.view-line', { hasText: text }).first();
  }

  /** The line above a change of these counts. */
  lens(counts: string): Locator {
    return this.#window.page.locator('.codelens-decoration', { hasText: `Codex: ${counts}` }).first();
  }

  /** Opens what the review shows beside a line of this text: once the old text is in it. */
  async peek(text: string, old: string): Promise<Locator> {
    const { page } = this.#window;
    const peek = page.locator('.zone-widget', { hasText: 'Codex Changes' });
    await eventually(`the old text of “${text}”`, async () => {
      const bar = await this.#bar(text);
      if (!bar) return false;
      await page.mouse.click(bar.x, bar.y);
      try {
        await peek.locator('.view-line', { hasText: old }).first().waitFor({ timeout: PEEK_TIMEOUT_MS });
        return true;
      } catch {
        // Git's own bar was there first.
        await page.keyboard.press('Escape');
        return false;
      }
    });
    return peek;
  }

  /** The bar of changes beside a line. */
  async #bar(text: string): Promise<{ x: number; y: number } | null> {
    const line = await this.line(text).boundingBox();
    for (const glyph of await this.#window.page.locator('.dirty-diff-glyph').all()) {
      const box = await glyph.boundingBox();
      if (line && box && Math.abs(box.y - line.y) < 4) return { x: box.x + 2, y: box.y + box.height / 2 };
    }
    return null;
  }
}
