/**
 * Runs the in-host suite where `extensionTestsPath` can't: in VS Code in a browser. The suite itself is
 * the same that @vscode/test-electron runs: `run()` of CODEX_TASKS_IN_HOST_SUITE, which writes its
 * results to CODEX_TASKS_IN_HOST_RESULTS. The end is written here, whatever the suite does.
 */
const { appendFileSync } = require('node:fs');

exports.activate = async () => {
  const { CODEX_TASKS_IN_HOST_SUITE: suite, CODEX_TASKS_IN_HOST_RESULTS: results } = process.env;
  if (!suite || !results) return;
  let error = null;
  try {
    await require(suite).run();
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  appendFileSync(results, JSON.stringify({ kind: 'end', error }) + '\n');
};
