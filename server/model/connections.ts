/**
 * The owner's model connections as a table: which models there are, under which name a person asks for
 * one, and how it is reached. A client names a model and nothing else: where its requests go, and with
 * which key, is the owner's alone. Pure.
 *
 * A name that stands in one connection is asked for as it is; one that stands in several is asked for
 * with its connection before it (`company/gpt-5.5`). A name that is nobody's goes nowhere: a wrong guess
 * would send a repository to somebody who was not meant.
 */
import type { Effort } from '../../protocol/states.ts';
import type { ModelSettings } from './model.ts';
import type { ModelPrices } from './prices.ts';

/** The one that `OPENAI_API_KEY` and its like make. */
export const DEFAULT_CONNECTION = 'default';

export interface ListedModel {
  name: string;
  windowTokens?: number;
  prices?: ModelPrices;
  /** For who asks for none. */
  effort?: Effort;
  /** Which it takes; absent: known by its name, or not at all. */
  efforts?: readonly Effort[];
}

export interface ModelConnection {
  name: string;
  /** Without a key (empty) no `Authorization` is sent. */
  settings: Pick<
    ModelSettings,
    'apiKey' | 'baseUrl' | 'headers' | 'organization' | 'project' | 'wire' | 'transport'
  >;
  /** The variable that holds its key, or a header, where it is not set: then nothing is sent. */
  missing?: string;
  models: readonly ListedModel[];
  /** Its server is asked which models it has beside these. */
  asksServer: boolean;
  /** Names that are not listed pass too, where no other connection could be meant. */
  takesAny: boolean;
}

/** What servers said, by connection; one that has not answered is not in here. */
export type FoundNames = ReadonlyMap<string, readonly string[]>;

export interface ModelEntry {
  /** What a person asks for. */
  id: string;
  connection: ModelConnection;
  model: ListedModel;
}

/**
 * Connections in their order, each with its models in theirs. A name is the same whichever servers have
 * answered: what a server told, and not the owner, has its connection before it as soon as there are two.
 */
export function tableOf(connections: readonly ModelConnection[], found: FoundNames): ModelEntry[] {
  const isAlone = connections.length <= 1;
  const listed = connections.filter(({ takesAny }) => !takesAny).flatMap(({ models }) => models);
  const count = new Map<string, number>();
  for (const { name } of listed) count.set(name, (count.get(name) ?? 0) + 1);
  return connections.flatMap((connection) =>
    modelsOf(connection, found)
      .filter(({ name }) => !connection.takesAny || !count.has(name))
      .map((model) => {
        const isListed = connection.models.includes(model);
        const isPlain =
          isListed && (count.get(model.name) ?? 1) === 1 && !ofConnection(model.name, connections);
        return {
          id: isAlone || isPlain ? model.name : `${connection.name}/${model.name}`,
          connection,
          model,
        };
      }),
  );
}

/** Null: there is no such model, or it is not clear which one is meant. */
export function findModel(
  wanted: string,
  connections: readonly ModelConnection[],
  found: FoundNames,
): ModelEntry | null {
  const table = tableOf(connections, found);
  const listed = table.find(({ id }) => id === wanted) ?? table.find(({ id }) => id === tagged(wanted));
  if (listed) return listed;
  const named = ofConnection(wanted, connections);
  if (named) {
    const { connection, rest: name } = named;
    const models = modelsOf(connection, found);
    const model = models.find((one) => one.name === name) ?? models.find((one) => one.name === tagged(name));
    if (model) return { id: wanted, connection, model };
    if (mayHave(connection, found)) return { id: wanted, connection, model: { name } };
  }
  const [only, ...others] = connections;
  if (!only || others.length > 0 || !mayHave(only, found)) return null;
  return { id: wanted, connection: only, model: { name: wanted } };
}

/** Everything that a client of this model is made from. */
export function settingsOf({ connection, model }: ModelEntry): ModelSettings {
  const { name, windowTokens, prices, effort } = model;
  return {
    ...connection.settings,
    name,
    ...(windowTokens === undefined ? {} : { windowTokens }),
    ...(prices === undefined ? {} : { prices }),
    ...(effort === undefined ? {} : { effort }),
  };
}

function modelsOf(connection: ModelConnection, found: FoundNames): ListedModel[] {
  const names = connection.asksServer ? (found.get(connection.name) ?? []) : [];
  const more = names.filter((name) => !connection.models.some((model) => model.name === name));
  return [...connection.models, ...more.map((name) => ({ name }))];
}

/** Of `company/gpt-5.5`, where there is a connection of that name. */
function ofConnection(
  name: string,
  connections: readonly ModelConnection[],
): { connection: ModelConnection; rest: string } | null {
  const slash = name.indexOf('/');
  const rest = name.slice(slash + 1);
  const connection = connections.find((one) => slash > 0 && one.name === name.slice(0, slash));
  return connection && rest !== '' ? { connection, rest } : null;
}

/** Ollama lists `qwen3:latest` and takes `qwen3`. */
const tagged = (name: string) => `${name}:latest`;

/** Whether it could have models that nobody has told of. */
const mayHave = ({ name, asksServer, takesAny }: ModelConnection, found: FoundNames) =>
  takesAny || (asksServer && !found.has(name));

const USUAL: readonly Effort[] = ['low', 'medium', 'high'];
/** The first that fits. Nothing is known of what is not here: the owner can say it of a model. */
const EFFORTS: readonly [RegExp, readonly Effort[] | undefined][] = [
  [/-chat(-|$)/, undefined],
  [/^gpt-5\.1-codex-max/, [...USUAL, 'xhigh']],
  [/^gpt-5\.1/, USUAL],
  [/^gpt-5\.\d/, [...USUAL, 'xhigh']],
  [/^gpt-5-pro/, ['high']],
  [/^gpt-5-codex/, USUAL],
  [/^gpt-5/, ['minimal', ...USUAL]],
  [/^o[34](-|$)/, USUAL],
  [/^gpt-oss/, USUAL],
];

/** Undefined: it has no such setting, as far as is known. */
export function effortsOf({ name, efforts }: ListedModel): readonly Effort[] | undefined {
  if (efforts) return efforts;
  // Servers of open models put the maker before the name: `openai/gpt-oss-120b`.
  const bare = name.slice(name.lastIndexOf('/') + 1);
  return EFFORTS.find(([pattern]) => pattern.test(bare))?.[1];
}
