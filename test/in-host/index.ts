/**
 * The suite that runs inside a VS Code extension host: `@vscode/test-electron` calls `run()`
 * (`extensionTestsPath`), and so does a second extension where that can't be used. Each result is one
 * JSON line in the file that `CODEX_TASKS_IN_HOST_RESULTS` names.
 */
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';

interface Result {
  kind: 'result';
  name: string;
  outcome: 'passed' | 'failed' | 'skipped';
  why?: string;
}

/** Waiting for a first activation on a slow machine. */
const TIMEOUT_MS = 60_000;

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: TIMEOUT_MS, color: false });
  mocha.suite.emit(Mocha.Suite.constants.EVENT_FILE_PRE_REQUIRE, globalThis, 'in-host', mocha);
  await import('./activation.suite.ts');
  await import('./apply.suite.ts');
  await import('./environments.suite.ts');
  await import('./tasks.suite.ts');
  const failures = await new Promise<number>((resolve) => {
    mocha
      .run(resolve)
      .on('pass', (test) => write({ kind: 'result', name: test.fullTitle(), outcome: 'passed' }))
      .on('pending', (test) => write({ kind: 'result', name: test.fullTitle(), outcome: 'skipped' }))
      .on('fail', (test, error: Error) => {
        const why = error.stack ?? error.message;
        write({ kind: 'result', name: test.fullTitle(), outcome: 'failed', why });
      });
  });
  if (failures > 0) throw new Error(`${failures} tests failed.`);
}

function write(result: Result): void {
  const file = process.env['CODEX_TASKS_IN_HOST_RESULTS'];
  if (file) appendFileSync(file, `${JSON.stringify(result)}\n`);
  else console.log(`${result.outcome}: ${result.name}${result.why ? `\n${result.why}` : ''}`);
}
