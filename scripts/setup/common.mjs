/**
 * What the set-up steps share: the cache folder, running a program, and the shape of their answer.
 *
 * A step makes sure that one tool is there. It is quick when the tool is there already, installs it
 * where that is possible without asking (Debian as root), and otherwise says in one sentence what is
 * missing. It never throws for a missing tool, and never touches anything inside the checkout.
 *
 * Plain JavaScript without dependencies: it runs before anything is installed, on Node 20.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** @typedef {{ ok: true, detail: string, path?: string } | { ok: false, reason: string }} Step */

/** Our folder for what is large and shared by checkouts; made when it is missing. */
export function cacheDir(...parts) {
  const root = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(root, 'codex-tasks', ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Runs a program to its end. `{ code, out }`: standard output and error merged; code 127 when it
 * could not be started, 124 when it took longer than `timeoutMs`. `onLine` gets each line as it comes.
 */
export function run(command, args, { cwd, env, timeoutMs = 600_000, onLine } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32' && command === 'npm',
    });
    let out = '';
    let rest = '';
    let timedOut = false;
    const take = (bytes) => {
      const text = bytes.toString('utf8');
      out += text;
      if (!onLine) return;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 127, out: String(error.message) });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (rest) onLine?.(rest);
      resolve({ code: timedOut ? 124 : (code ?? 1), out });
    });
  });
}

/** The last line that says something, for a one-sentence reason. */
export function lastLine(text) {
  const lines = text.trim().split('\n').filter(Boolean);
  return (lines.at(-1) ?? 'no output').trim();
}

/** Lets a step be run by hand: `node scripts/setup/docker.mjs`. */
export async function runAsScript(moduleUrl, step) {
  if (!process.argv[1] || pathToFileURL(process.argv[1]).href !== moduleUrl) return;
  const result = await step((line) => console.log(line));
  console.log(result.ok ? result.detail : result.reason);
  process.exitCode = result.ok ? 0 : 1;
}
