/**
 * The suite that runs inside a VS Code extension host: started by `@vscode/test-electron`
 * (`extensionTestsPath`) or by a second extension that calls `run()`. It resolves with what happened
 * and rejects when a test failed.
 */
import Mocha from 'mocha';

export interface InHostResults {
  passes: string[];
  failures: { title: string; message: string }[];
  pending: string[];
}

/** Waiting for a first activation on a slow machine. */
const TIMEOUT_MS = 60_000;

export async function runSuite(): Promise<InHostResults> {
  const mocha = new Mocha({ ui: 'bdd', timeout: TIMEOUT_MS, color: false });
  const results: InHostResults = { passes: [], failures: [], pending: [] };
  mocha.suite.emit(Mocha.Suite.constants.EVENT_FILE_PRE_REQUIRE, globalThis, 'in-host', mocha);
  await import('./activation.suite.ts');
  await import('./apply.suite.ts');
  await import('./tasks.suite.ts');
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on('pass', (test) => results.passes.push(test.fullTitle()))
      .on('pending', (test) => results.pending.push(test.fullTitle()))
      .on('fail', (test, error: Error) => {
        results.failures.push({ title: test.fullTitle(), message: error.stack ?? error.message });
      });
  });
  return results;
}

export async function run(): Promise<InHostResults> {
  const results = await runSuite();
  if (results.failures.length > 0) {
    throw new Error(results.failures.map(({ title, message }) => `${title}\n${message}`).join('\n\n'));
  }
  return results;
}
