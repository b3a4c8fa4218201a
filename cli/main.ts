/**
 * `codex-tasks serve | run | apply | undo | env | models | secret | doctor | …`: finds the command, and turns
 * whatever it throws into one sentence on standard error and the exit code of CONTRACTS. Never a stack
 * trace for a person, unless CODEX_DEBUG is set.
 */
import { CodexError } from '../protocol/errors.ts';
import { EXIT } from '../protocol/result.ts';
import { errorWords } from '../client/words/index.ts';
import { tameLine, tameText } from './terminal.ts';
import { UsageError } from './usage.ts';
import { VERSION } from './version.ts';

const HELP = `codex-tasks ${VERSION}: delegate coding tasks to a backend of your own.

  codex-tasks run [options] PROMPT   send a task, follow it, get its patch
  codex-tasks serve [options]        run the backend
  codex-tasks env ACTION             environments: list, show, set, edit, delete, reset-cache, test, check
  codex-tasks models [--check]       which models there are, and whether they answer
  codex-tasks secret put|list|delete|rotate   what the setup gets and the agent does not
  codex-tasks forge list|connect|disconnect|app   where pull requests go
  codex-tasks trigger list|on|off                 where a comment “@codex …” starts a task
  codex-tasks egress TASK            what a task asked the internet for
  codex-tasks approve [TASK ID ANSWER]   commands that wait for your word, and your answer
  codex-tasks steer TASK MESSAGE     something said to a task that runs
  codex-tasks choose TASK [N]        a task’s attempts side by side, and the one that counts
  codex-tasks apply TASK [options]   a result into the folder, a branch or a worktree, or as a patch
  codex-tasks pr create|update|show TASK   a result as a pull request, and how it stands
  codex-tasks undo [TASK|ID]         what applying changed, back as it was
  codex-tasks checkpoints            what can be undone, from when, how large
  codex-tasks terminal TASK          a shell in a task’s sandbox, when its turn has ended
  codex-tasks doctor [--json]        check what the backend needs
  codex-tasks demo [options]         one task from end to end, on this machine

  codex-tasks COMMAND --help         what a command takes
  codex-tasks --version
`;

type Command = (args: string[]) => Promise<number>;

/** Loaded when asked for: `--help` need not read a database. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  run: async () => (await import('./run/run.ts')).run,
  serve: async () => (await import('./serve.ts')).serve,
  env: async () => (await import('./environment/env.ts')).env,
  models: async () => (await import('./models.ts')).models,
  secret: async () => (await import('./secret.ts')).secret,
  forge: async () => (await import('./forge.ts')).forge,
  trigger: async () => (await import('./trigger.ts')).trigger,
  egress: async () => (await import('./environment/egress.ts')).egress,
  approve: async () => (await import('./approve.ts')).approve,
  steer: async () => (await import('./steer.ts')).steer,
  choose: async () => (await import('./choose.ts')).choose,
  apply: async () => (await import('./apply/apply.ts')).apply,
  pr: async () => (await import('./pr/pr.ts')).pr,
  undo: async () => (await import('./apply/undo.ts')).undo,
  checkpoints: async () => (await import('./apply/checkpoints.ts')).checkpoints,
  terminal: async () => (await import('./terminals/terminal.ts')).terminal,
  doctor: async () => (await import('./doctor.ts')).doctor,
  demo: async () => (await import('./demo.ts')).demo,
};

export async function main(argv: string[]): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return name === undefined ? EXIT.usage : EXIT.completed;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${VERSION}\n`);
    return EXIT.completed;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) {
    process.stderr.write(`codex-tasks: there is no command “${name}”. See codex-tasks --help.\n`);
    return EXIT.usage;
  }
  try {
    return await (
      await load()
    )(args);
  } catch (error) {
    return complain(name, error);
  }
}

function complain(command: string, error: unknown): number {
  if (process.env['CODEX_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  if (error instanceof UsageError) {
    process.stderr.write(`codex-tasks ${command}: ${error.message}\nSee codex-tasks ${command} --help.\n`);
    return EXIT.usage;
  }
  if (error instanceof CodexError) {
    const tail = error.wire.params['tail'];
    process.stderr.write(`codex-tasks ${command}: ${tameText(errorWords(error.wire).text)}\n`);
    if (typeof tail === 'string' && tail !== '')
      process.stderr.write(
        `${tail
          .split('\n')
          .map((line) => `  | ${tameLine(line)}`)
          .join('\n')}\n`,
      );
    const log = error.wire.params['log'];
    if (typeof log === 'string') process.stderr.write(`Its whole log: ${log}\n`);
    return error.code === 'cancelled' ? EXIT.cancelled : EXIT.failed;
  }
  process.stderr.write(`codex-tasks ${command}: ${error instanceof Error ? error.message : String(error)}\n`);
  return EXIT.failed;
}

// A reader that went away (`| head`) ends a command; the demo first cleans up what it started.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (process.argv[2] !== 'demo') process.exit(EXIT.failed);
});

process.exitCode = await main(process.argv.slice(2));
