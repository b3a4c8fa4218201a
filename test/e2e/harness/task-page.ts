/** What a person does on the page of a task, whatever the page shows at that moment. */
import type { Frame, Locator } from 'playwright-core';
import { eventually } from './window.ts';

const UNFOLD_TIMEOUT_MS = 2_000;

/** The turn is over: its phases stand in the header, and there is nothing to stop. */
export async function ended(page: Frame, timeoutMs: number): Promise<void> {
  await eventually(
    'the end of the turn',
    async () =>
      (await page.locator('header .phases').count()) > 0 &&
      (await page.getByRole('button', { name: 'Stop', exact: true }).count()) === 0,
    timeoutMs,
  );
}

/**
 * Opens what a command printed. A page that saw the command run still has it open, one that learned of it
 * afterwards has it folded; and a page on which something moves may miss a click.
 */
export async function unfold(command: Locator): Promise<void> {
  const head = command.locator('.head');
  await eventually('the output of the command', async () => {
    if ((await head.getAttribute('aria-expanded')) === 'true') return true;
    await head.click();
    await command
      .locator('.head[aria-expanded="true"]')
      .waitFor({ timeout: UNFOLD_TIMEOUT_MS })
      .catch(() => undefined);
    return false;
  });
}
