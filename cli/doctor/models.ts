/** What the doctor says of models: the owner's connections, and what variables name. Never a key or a header. */
import { errorWords } from '../../client/words/index.ts';
import { errorText } from '../../protocol/errors.ts';
import { readSettings } from '../../server/config.ts';
import { checkModel } from '../../server/model/client.ts';
import type { ModelConnection } from '../../server/model/connections.ts';
import { checkConnection } from '../../server/model/directory.ts';
import { connectionsOf, keyVariables, type ModelsConfig } from '../../server/models-config.ts';
import { modelSettings } from '../model.ts';
import { fail, ok, warn, type Check } from './check.ts';

const NO_START = 'The backend does not start until then.';

export async function checkModels(dataDir: string, env: NodeJS.ProcessEnv = process.env): Promise<Check[]> {
  const { models } = await readSettings(dataDir, env);
  const names = Object.keys(models.connections);
  if (names.length === 0) return [await checkVariables(env)];
  const own = await Promise.all(names.map((name) => checkOne(name, models, dataDir, env)));
  const isBeside = env['OPENAI_API_KEY'] && !keyVariables(models).includes('OPENAI_API_KEY');
  const checks = isBeside ? [...own, await checkVariables(env)] : own;
  // With one that works tasks can run.
  const works = checks.some(({ state }) => state === 'ok');
  return checks.map((check) =>
    works && check.state === 'fail' && check.advice !== NO_START ? { ...check, state: 'warn' } : check,
  );
}

/** By itself, so that one whose key can't be read leaves the others. */
async function checkOne(
  name: string,
  config: ModelsConfig,
  dataDir: string,
  env: NodeJS.ProcessEnv,
): Promise<Check> {
  const check = `model connection ${name}`;
  const { [name]: of } = config.connections;
  let connection: ModelConnection | undefined;
  try {
    const wrong = (_place: string, reason: string) => new Error(reason);
    const only = { connections: of ? { [name]: of } : {} };
    [connection] = await connectionsOf(only, { dataDir, env, wrong });
  } catch (error) {
    return fail(check, errorText(error), NO_START);
  }
  if (!connection) return fail(check, 'it can’t be read', NO_START);
  const { settings, models, missing } = connection;
  if (missing !== undefined)
    return warn(check, `no key: ${missing} is not set`, 'Set it where the backend is started.');
  const where = settings.baseUrl === undefined ? 'OpenAI' : new URL(settings.baseUrl).origin;
  const problem = await checkConnection({ ...settings, name: models[0]?.name ?? '' });
  return problem ? fail(check, where, errorWords(problem.wire).text) : ok(check, `${where} answers`);
}

async function checkVariables(env: NodeJS.ProcessEnv): Promise<Check> {
  const name = 'model';
  const settings = modelSettings(env);
  if (!settings) return warn(name, 'no key', 'Set OPENAI_API_KEY, and OPENAI_BASE_URL for another server.');
  try {
    const found = await checkModel(settings);
    return found.ok ? ok(name, found.detail) : fail(name, found.detail, errorWords(found.error.wire).text);
  } catch (error) {
    return fail(name, errorText(error), 'Check OPENAI_BASE_URL.');
  }
}
