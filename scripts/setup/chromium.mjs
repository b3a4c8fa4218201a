/** A Chromium-based browser that playwright-core can drive. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ensurePackages } from './apt.mjs';
import { runAsScript } from './common.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Its path, or null. `CODEX_TASKS_CHROMIUM` names another one. */
export function findChromium() {
  const named = process.env.CODEX_TASKS_CHROMIUM;
  if (named) return existsSync(named) ? named : null;
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...candidates, ...ELSEWHERE].find((path) => existsSync(path)) ?? null;
}

/** @returns {Promise<import('./common.mjs').Step>} */
export async function ensureChromium(log = () => {}) {
  let path = findChromium();
  if (!path) {
    const packages = await ensurePackages(['chromium'], log);
    if (!packages.ok) return { ok: false, reason: 'No Chromium: install chromium or Google Chrome.' };
    path = findChromium();
  }
  if (!path) return { ok: false, reason: 'chromium is installed but not on the PATH.' };
  return { ok: true, detail: path, path };
}

await runAsScript(import.meta.url, ensureChromium);
