/** The command line of `run`. */
import { bytesWords } from '../../client/words/index.ts';
import { EnvironmentName } from '../../protocol/environment.ts';
import { Effort, Mode, ModelName } from '../../protocol/states.ts';
import { ATTEMPTS_MOST, LIMITS } from '../../protocol/limits.ts';
import { UsageError, oneOf, optionalValue, parse, wholeNumber } from '../usage.ts';
import {
  OWN_BACKEND_HELP,
  OWN_BACKEND_OPTIONS,
  ownBackendOptions,
  type OwnBackendOptions,
} from '../backend.ts';

export const RUN_HELP = `codex-tasks run [options] PROMPT

Sends a task, follows it to its end, and saves its patch. PROMPT may be - for standard input.

  --repo DIR         the folder; its git repository is what the agent gets (default: this folder)
  --mode MODE        ask, code or review (default: code)
  --ref REF          start from this branch, tag or commit instead of HEAD
  --include-local    also send what is not committed: changed, staged and untracked files
  --image FILE       a picture that belongs to the prompt (PNG, JPEG, GIF, WebP); can be given several times
  --apply            put the result into the repository (what git tracks as the index stays as it is)
  --output FILE      where the patch goes (default: in the data folder)
  --model NAME       one of codex-tasks models, if not what the environment or the backend says
  --effort LEVEL     how much it thinks: ${Effort.options.join(', ')}, where the model has such a setting
  --json             one event a line on standard output, the result as the last line, nothing else
  --env NAME         the environment, which says what internet access the agent has (default: default)
  --attempts N       1 to 4 at once, side by side; you choose one (default: 1)
  --choose N         of several attempts, the one that counts; without it a terminal asks where
                     --apply needs one, and codex-tasks choose TASK N says it later

The backend is the one at CODEX_SERVER_URL (with CODEX_SERVER_TOKEN), or one of your own on this
machine, started when none runs, with OPENAI_API_KEY, OPENAI_BASE_URL and CODEX_MODEL:
${OWN_BACKEND_HELP}
Ctrl-C cancels the task; a second one leaves it as it is.
Exit code: 0 completed, 1 failed, 2 bad usage, 130 cancelled.
`;

export interface RunOptions {
  repo: string;
  mode: Mode;
  ref: string | null;
  includeLocal: boolean;
  apply: boolean;
  output: string | null;
  model: string | null;
  effort: Effort | null;
  environment: string | null;
  attempts: number;
  /** Null: to be asked about, or said later. */
  choose: number | null;
  /** Paths. */
  images?: string[];
  json: boolean;
  prompt: string;
  own: OwnBackendOptions;
}

export function runOptions(args: string[]): RunOptions | 'help' {
  const { values, positionals } = parse(
    optionalValue(args, '--scripted-model'),
    {
      repo: { type: 'string' },
      mode: { type: 'string' },
      ref: { type: 'string' },
      env: { type: 'string' },
      attempts: { type: 'string' },
      choose: { type: 'string' },
      image: { type: 'string', multiple: true },
      'include-local': { type: 'boolean' },
      apply: { type: 'boolean' },
      output: { type: 'string' },
      model: { type: 'string' },
      effort: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      ...OWN_BACKEND_OPTIONS,
    },
    true,
  );
  if (values.help) return 'help';
  if (values.env !== undefined && !EnvironmentName.safeParse(values.env).success)
    throw new UsageError(`“${values.env}” can’t be an environment’s name. See codex-tasks env list.`);
  if (values.model !== undefined && !ModelName.safeParse(values.model).success)
    throw new UsageError(`“${values.model}” can’t be a model’s name. See codex-tasks models.`);
  const attempts = wholeNumber('--attempts', values.attempts ?? '1', 1, ATTEMPTS_MOST);
  if (values.choose !== undefined && attempts === 1)
    throw new UsageError('--choose is for several attempts: add --attempts, or leave it out.');
  const choose = values.choose === undefined ? null : wholeNumber('--choose', values.choose, 1, attempts);
  if (values.ref !== undefined && values['include-local']) {
    throw new UsageError('--ref and --include-local exclude each other: local changes stand on HEAD.');
  }
  const prompt = positionals.join(' ');
  if (prompt.trim() === '') throw new UsageError('The prompt is missing. Say what is to be done.');
  checkPrompt(prompt);
  return {
    repo: values.repo ?? '.',
    mode: oneOf('--mode', values.mode ?? 'code', Mode.options),
    ref: values.ref ?? null,
    includeLocal: values['include-local'] ?? false,
    apply: values.apply ?? false,
    output: values.output ?? null,
    model: values.model ?? null,
    effort: values.effort === undefined ? null : oneOf('--effort', values.effort, Effort.options),
    environment: values.env ?? null,
    attempts,
    choose,
    images: values.image ?? [],
    json: values.json ?? false,
    prompt,
    own: ownBackendOptions(values),
  };
}

export function checkPrompt(prompt: string): void {
  const most = LIMITS.promptBytes.default;
  if (Buffer.byteLength(prompt) > most) {
    throw new UsageError(
      `The prompt is longer than ${bytesWords(most)}. Put what is long into a file of the repository, and name it.`,
    );
  }
}
