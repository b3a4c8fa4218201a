/**
 * What the doctor says of forges: a backend that runs knows all of them, and is asked; else those that the owner
 * configured are tried from here. Never a token.
 */
import { findBackend } from '../../client/backend-process/index.ts';
import { connect } from '../../client/connection/index.ts';
import { nodeSocket } from '../../client/connection/node-socket.ts';
import { errorWords } from '../../client/words/index.ts';
import { errorText } from '../../protocol/errors.ts';
import type { ForgeView } from '../../protocol/forge.ts';
import { readSettings } from '../../server/config.ts';
import { ownersForges, type ForgesConfig } from '../../server/forge-config.ts';
import { checkOwnersForge } from '../../server/forge/check.ts';
import { VERSION } from '../version.ts';
import { fail, ok, warn, type Check } from './check.ts';

const ANSWER_MS = 40_000;

export async function checkForges(dataDir: string, env: NodeJS.ProcessEnv = process.env): Promise<Check[]> {
  const running = await findBackend(dataDir);
  const { forges: config } = await readSettings(dataDir, env);
  if (running) {
    const views = await askRunning(running);
    if (views) return views.length === 0 ? [NONE] : views.map(checkOf);
  }
  const checks = await Promise.all(Object.keys(config).map((host) => checkOne(host, config, dataDir, env)));
  return checks.length === 0 ? [NONE] : checks;
}

const NONE = ok('forge', 'none is connected (docs/github.md)');

/** Null when it does not answer as it should: an older version, for example. */
async function askRunning(running: { url: string; token: string }): Promise<ForgeView[] | null> {
  const connection = connect({
    url: running.url,
    token: async () => running.token,
    client: { name: 'codex-tasks-cli', version: VERSION },
    openSocket: nodeSocket(),
    callWaitMs: ANSWER_MS,
  });
  try {
    return (await connection.call('forge.list', { check: true })).forges;
  } catch {
    return null;
  } finally {
    connection.close();
  }
}

/** By itself, so that one whose token can't be read leaves the others. */
async function checkOne(
  host: string,
  config: ForgesConfig,
  dataDir: string,
  env: NodeJS.ProcessEnv,
): Promise<Check> {
  const { [host]: of } = config;
  try {
    const wrong = (_place: string, reason: string) => new Error(reason);
    const [connection] = await ownersForges(of ? { [host]: of } : {}, { dataDir, env, wrong });
    if (connection) return checkOf(await checkOwnersForge(connection));
    return fail(`forge ${host}`, 'it can’t be read', NO_START);
  } catch (error) {
    return fail(`forge ${host}`, errorText(error), NO_START);
  }
}

const NO_START = 'The backend does not start until then.';

/** Tasks run without a forge. */
function checkOf({ host, how, account, apiUrl, problem }: ForgeView): Check {
  const name = `forge ${host}`;
  if (problem) return warn(name, apiUrl, errorWords(problem).text);
  return ok(name, `answers, ${how === 'app' ? 'the app' : 'a token of'} ${account ?? 'nobody'}`);
}
