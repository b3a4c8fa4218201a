/**
 * The in-host suite: what can only be seen from inside VS Code's extension host. The same mocha suite
 * runs in a desktop VS Code (`@vscode/test-electron` calls `run`) and in VS Code in a browser.
 *
 * Results are appended to CODEX_TASKS_IN_HOST_RESULTS as JSON lines, if it is set, and printed.
 */
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';

const TEST_TIMEOUT_MS = 30_000;

export async function run(): Promise<void> {
  const mocha = new Mocha({
    ui: 'bdd',
    timeout: TEST_TIMEOUT_MS,
    reporter: Recorder as unknown as Mocha.ReporterConstructor,
  });
  // Makes `describe` and `it` known; the tests below are only evaluated after it.
  mocha.suite.emit('pre-require', globalThis, '', mocha);
  await import('./suites.ts');
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} tests failed in the extension host.`);
}

/** A class, as mocha wants its reporters. */
class Recorder {
  constructor(runner: Mocha.Runner) {
    const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING } = Mocha.Runner.constants;
    runner.on(EVENT_TEST_PASS, (test: Mocha.Test) => record(test, 'passed'));
    runner.on(EVENT_TEST_PENDING, (test: Mocha.Test) => record(test, 'skipped'));
    runner.on(EVENT_TEST_FAIL, (test: Mocha.Test, error: Error) => record(test, 'failed', error));
  }
}

function record(test: Mocha.Test, outcome: 'passed' | 'failed' | 'skipped', error?: Error): void {
  const name = test.titlePath().join(' › ');
  const why = error ? (error.stack ?? error.message) : undefined;
  console.log(`${outcome}: ${name}${why ? `\n${why}` : ''}`);
  const file = process.env['CODEX_TASKS_IN_HOST_RESULTS'];
  if (file) {
    const line = { kind: 'result', name, outcome, durationMs: test.duration ?? 0, why };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  }
}
