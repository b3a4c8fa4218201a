/**
 * Runs test files, each in a process of its own, a few at a time.
 *
 * node:test's own timeout ends a test but neither a file that spins nor one that leaves a timer or a
 * socket open; here a file that shows no progress is killed with everything it started, and that is a
 * failure. A file that registers no test is one too.
 */
import { spawn } from 'node:child_process';
import { relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const REPORTER = pathToFileURL(fileURLToPath(new URL('./reporter.mjs', import.meta.url))).href;
/** Beyond a test's own time: starting up, and cleaning up after the last test. */
const IDLE_GRACE_MS = 15_000;
/** How much of what a file printed is kept, to be shown if it fails. */
const MAX_PRINTED_CHARS = 50_000;

/**
 * @param {string[]} files absolute paths
 * @param {{ root: string, concurrency: number, timeoutMs: number, env: NodeJS.ProcessEnv,
 *           verbose: boolean, print: (line: string) => void }} options
 * @returns {Promise<{ file: string, name: string, outcome: 'passed'|'failed'|'skipped', why?: string }[]>}
 */
export async function runFiles(files, options) {
  const results = [];
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      results.push(...(await runFile(file, options)));
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  return results;
}

function runFile(file, { root, timeoutMs, env, verbose, print }) {
  const name = relative(root, file).replaceAll('\\', '/');
  const startedAt = Date.now();
  const results = [];
  let printed = '';
  let ended = false;
  let killedWhy = null;

  return new Promise((resolve) => {
    const args = [
      `--test-timeout=${timeoutMs}`,
      `--test-reporter=${REPORTER}`,
      '--test-reporter-destination=stdout',
    ];
    const child = spawn(process.execPath, ['--no-warnings', ...args, file], {
      cwd: root,
      env,
      // A group of its own, so that a hung file is ended with what it started.
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const idle = () => {
      const last = results.at(-1)?.name;
      killedWhy = `No progress for ${(timeoutMs + IDLE_GRACE_MS) / 1000} s${last ? ` after “${last}”` : ''}: it hangs, or left a timer, socket or process open.`;
      killGroup(child);
    };
    let timer = setTimeout(idle, timeoutMs + IDLE_GRACE_MS);

    const keep = (bytes) => {
      if (verbose) process.stdout.write(bytes);
      else printed = (printed + bytes.toString('utf8')).slice(-MAX_PRINTED_CHARS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('message', (message) => {
      clearTimeout(timer);
      timer = setTimeout(idle, timeoutMs + IDLE_GRACE_MS);
      if (message.kind === 'end') ended = true;
      if (message.kind !== 'result') return;
      const { kind: _, ...result } = message;
      results.push({ file: name, ...result });
      if (verbose) print(line(result));
    });
    child.on('error', (error) => {
      killedWhy = `It could not be started: ${error.message}`;
      finish(null, null);
    });
    child.on('close', finish);

    let finished = false;
    function finish(code, signal) {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      const failedAlready = results.some((result) => result.outcome === 'failed');
      const fail = (why) =>
        results.push({ file: name, name: '(the file)', outcome: 'failed', durationMs: 0, why });
      if (killedWhy) fail(killedWhy);
      else if ((code !== 0 || !ended) && !failedAlready) {
        fail(`It ended with ${signal ?? `code ${code}`}${ended ? '' : ' before its tests were done'}.`);
      } else if (results.length === 0) fail('It registers no test.');
      summarise();
      resolve(results);
    }

    function summarise() {
      const failed = results.filter((result) => result.outcome === 'failed');
      const skipped = results.filter((result) => result.outcome === 'skipped').length;
      const mark = failed.length > 0 ? '✗' : '✓';
      const counts = [`${results.length - failed.length - skipped} passed`];
      if (failed.length > 0) counts.push(`${failed.length} failed`);
      if (skipped > 0) counts.push(`${skipped} skipped`);
      print(`${mark} ${name}  ${counts.join(', ')}  (${seconds(Date.now() - startedAt)})`);
      for (const result of failed) print(indent(`✗ ${result.name}\n${indent(result.why)}`));
      if (failed.length > 0 && printed.trim()) print(indent(`It printed:\n${indent(printed.trimEnd())}`));
    }
  });
}

function killGroup(child) {
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

function line(result) {
  const mark = { passed: '✓', failed: '✗', skipped: '–' }[result.outcome];
  return `  ${mark} ${result.name}  (${seconds(result.durationMs)})`;
}

export function seconds(ms) {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function indent(text) {
  return text.replace(/^/gm, '    ');
}
