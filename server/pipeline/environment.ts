/**
 * The environment of one turn: what is stored, what the repository's own file says, which secrets the
 * setup gets, and from which commit an environment is prepared.
 *
 * The file counts as it stands on the default branch. A branch that says otherwise runs its own setup,
 * which is never kept for others, and without the secrets until a person has approved it.
 */
import { DEFAULT_ENVIRONMENT_NAME, type RepositorySettings } from '../../protocol/environment.ts';
import type { Effort } from '../../protocol/states.ts';
import { effective, fieldsForEvent, type EffectiveEnvironment } from '../environments/effective.ts';
import { ENVIRONMENT_FILE, readEnvironmentFile } from '../environments/file.ts';
import type { Repos } from '../repos/repos.ts';
import type { ModelClient } from '../model/model.ts';
import { createRedactor } from '../secrets/redactor.ts';
import type { OpenSecret, Redactor } from '../secrets/types.ts';
import { isUntrusted } from '../tasks/trigger.ts';
import type { TurnContext } from '../tasks/turn-context.ts';
import { chosenModel } from './model-choice.ts';
import type { Rooms } from './rooms.ts';
import { secretsFor } from './untrusted.ts';

export interface TurnEnvironment {
  settings: EffectiveEnvironment;
  /** For setup and maintenance alone; none when their scripts may not have them. */
  secrets: OpenSecret[];
  /** Of all secrets of the environment, whoever gets them. */
  redactor: Redactor;
  /** Where it is prepared; `uncached` says why the outcome is not kept for others. */
  base: { sha: string; uncached: 'noDefaultBranch' | 'branchSetup' | 'off' | 'untrusted' | null };
  /** What a stranger brought (`untrusted.ts`): of what was prepared it only reads. */
  untrusted: boolean;
  /** Absent where none is asked: a try of the setup. */
  model?: ModelClient;
  /** Absent: the model's own. */
  effort?: Effort;
}

/** Throws `CodexError` modelUnknown, modelNotConfigured; null is the backend's own choice. */
export type ModelFor = (name: string | null) => ModelClient | Promise<ModelClient>;

/** Throws `CodexError` environmentUnknown, environmentFileInvalid, model…, secret…. */
export async function environmentOf(
  turn: TurnContext,
  attempt: number,
  rooms: Rooms,
  repos: Repos,
  modelFor: ModelFor,
): Promise<TurnEnvironment> {
  const { repo, environment } = turn.task;
  const { sha, defaultSha } = repo;
  const files = filesOf(repo, repos);
  const [stored, secrets] = await Promise.all([
    rooms.environments.get(environment ?? DEFAULT_ENVIRONMENT_NAME),
    rooms.vault.open(environment ?? DEFAULT_ENVIRONMENT_NAME),
  ]);
  const redactor = createRedactor(secrets);
  turn.redactWith(redactor);

  const { here, byDefault } = await files;
  const settings = effective(stored, here, turn.limits);
  const asked = chosenModel([turn, turn.task, settings]);
  const model = turn.onlySetup ? null : await modelFor(asked.model);
  const effort = model && asked.effort ? { effort: asked.effort } : {};
  const isOwnSetup = !sameSetup(settings, effective(stored, byDefault, turn.limits));

  const untrusted = isUntrusted(turn.task.trigger);
  const offered = secretsFor(turn.task, secrets);
  let given = offered;
  if (untrusted) {
    await turn.emit({ code: 'warning', attempt, params: { code: 'untrustedTask', params: {} } });
  }
  // Also where there is no file any more: what runs then is not what the default branch says either.
  if (offered.length > 0 && isOwnSetup) {
    const trust = await rooms.scripts.trust({ repoId: repo.repoId, sha, defaultSha, stored, file: here });
    if (!trust.trusted) {
      given = [];
      const params = { hash: trust.hash, path: ENVIRONMENT_FILE };
      await turn.emit({ code: 'warning', attempt, params: { code: 'scriptUnapproved', params } });
    }
  }
  await turn.emit({
    code: 'environment.applied',
    attempt,
    params: {
      ...fieldsForEvent(
        settings,
        offered.map((secret) => secret.name),
      ),
      ...(model ? { model: asked.model ?? model.name } : {}),
      ...effort,
    },
  });
  const base = baseOf(repo, settings, isOwnSetup);
  return { settings, secrets: given, redactor, base, untrusted, ...(model ? { model } : {}), ...effort };
}

/** The file at the task's commit and on the default branch; nobody is left alone with a failure. */
function filesOf(
  { repoId, sha, defaultSha }: TurnContext['task']['repo'],
  repos: Repos,
): Promise<{ here: RepositorySettings | null; byDefault: RepositorySettings | null }> {
  const here = readEnvironmentFile(repos, repoId, sha);
  const isSame = sha === defaultSha;
  const other = defaultSha === undefined || isSame ? null : readEnvironmentFile(repos, repoId, defaultSha);
  // An invalid file on the default branch is nobody's fault here: it is as if it said nothing.
  const byDefault = isSame ? here : (other?.catch(() => null) ?? null);
  const both = Promise.all([here, byDefault]).then((files) => ({ here: files[0], byDefault: files[1] }));
  both.catch(() => {});
  return both;
}

function baseOf(
  { sha, defaultSha }: TurnContext['task']['repo'],
  { cacheMs }: EffectiveEnvironment,
  isOwnSetup: boolean,
): TurnEnvironment['base'] {
  // What is not for others is prepared where the task is: nothing has to bring it there afterwards.
  if (defaultSha === undefined) return { sha, uncached: 'noDefaultBranch' };
  if (isOwnSetup) return { sha, uncached: 'branchSetup' };
  return cacheMs === 0 ? { sha, uncached: 'off' } : { sha: defaultSha, uncached: null };
}

/** Whether both would make the same of a sandbox. */
function sameSetup(one: EffectiveEnvironment, other: EffectiveEnvironment): boolean {
  const text = ({ image, versions, variables, workdir, setup, maintenance }: EffectiveEnvironment) =>
    JSON.stringify([image, sorted(versions), sorted(variables), workdir, setup, maintenance]);
  return text(one) === text(other);
}

/** An object's entries in an order that does not depend on how it was made. */
export function sorted(object: Readonly<Record<string, string | undefined>>): [string, string][] {
  return Object.entries(object)
    .flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What every command of the task gets: the person's variables, and which versions were chosen. */
export function variablesOf({ versions, variables }: EffectiveEnvironment): Record<string, string> {
  const chosen = sorted(versions).map(([language, version]) => [
    `CODEX_ENV_${language.toUpperCase()}_VERSION`,
    version,
  ]);
  return { ...Object.fromEntries(chosen), ...variables } as Record<string, string>;
}
