/** VS Code's terminal panel, as a person sees it: what it shows, what is typed into it. */
import type { Window } from './window.ts';
import { eventually } from './window.ts';

/** Drawn as text, which a canvas is not; without it there is nothing to read. */
export const READABLE_TERMINAL = { 'terminal.integrated.gpuAcceleration': 'off' };

/** The lines in sight of the terminal that is shown; `''` while there is none. */
export async function terminalText({ page }: Window): Promise<string> {
  const rows = page.locator('.part.panel .terminal-wrapper.active .xterm-rows');
  const lines = await rows
    .first()
    .evaluate((element) => [...element.children].map((row) => row.textContent))
    .catch((): string[] => []);
  return lines
    .map((line) => line.replaceAll('\u00a0', ' ').trimEnd())
    .join('\n')
    .trimEnd();
}

/** Waits until what is in sight matches, and returns it. A sentence may be broken by the panel's edge. */
export async function terminalShows(window: Window, text: RegExp, timeoutMs?: number): Promise<string> {
  let seen = '';
  return eventually(
    `a terminal that shows ${text}`,
    async () => {
      seen = await terminalText(window);
      return text.test(seen) || text.test(seen.replace(/\s+/g, ' ')) ? seen : false;
    },
    timeoutMs,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)} It shows:\n${seen}`);
  });
}

/** Types where the focus is, which has to be the terminal. */
export async function typeInTerminal(window: Window, line: string): Promise<void> {
  await eventually('the focus in the terminal', () => isTerminalFocused(window));
  await window.page.keyboard.type(line);
  await window.page.keyboard.press('Enter');
}

export async function isTerminalFocused({ page }: Window): Promise<boolean> {
  return page.evaluate(() => document.activeElement?.closest('.xterm') !== null && document.hasFocus());
}

/** The names of the terminals that are there. */
export async function terminalNames({ page }: Window): Promise<string[]> {
  const tabs = page.locator('.part.panel .tabs-list .terminal-tabs-entry');
  if ((await tabs.count()) > 0) return tabs.allInnerTexts();
  return page.locator('.part.panel .terminal-wrapper').evaluateAll((all) => all.map(() => 'terminal'));
}
