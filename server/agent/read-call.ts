/**
 * How a call of a tool becomes a command. What a model sends is hostile: a call that cannot be read
 * becomes an answer that says why, never an exception.
 */
import { posix } from 'node:path';
import { z } from 'zod';
import { DOOR_INPUT_BYTES } from '../../protocol/door.ts';
import { cleanText, type ToolCall } from '../model/items.ts';
import { patchArgument, patchOf } from './patch-calls.ts';
import { DEFAULT_YIELD_MS, MAX_WAIT_MS, MAX_YIELD_MS, MIN_YIELD_MS } from './tools.ts';

export interface ShellCommand {
  /** As a person would type it. */
  display: string;
  argv: string[];
  cwd: string;
  timeoutMs: number;
  /** It runs on while the model does other things, and takes input. */
  background?: boolean;
  /** On a terminal of its own. */
  tty?: boolean;
}

export type ReadCall =
  | { ok: false; problem: string }
  /** One after the other; several only where the model's tool has a list. */
  | { ok: true; kind: 'run'; commands: [ShellCommand, ...ShellCommand[]] }
  | { ok: true; kind: 'background'; command: ShellCommand; yieldMs: number }
  | { ok: true; kind: 'session'; session: number; input: string; waitMs: number; stop: boolean };

/** A call that could be read, of one kind. */
export type Read<K> = Extract<ReadCall, { ok: true; kind: K }>;

/** What a program gets that asks for its terminal's size. */
export const TTY_SIZE = { columns: 120, rows: 40 } as const;

/** Larger scripts than this do not fit into one argument of a program (Linux: 128 KiB each). */
export const MAX_ARGUMENT_BYTES = 96 * 1024;

const ShellArguments = z.object({
  command: z.union([z.string(), z.array(z.string())]),
  workdir: z.string().nullish(),
  timeout_ms: z.number().nullish(),
  background: z.boolean().nullish(),
  tty: z.boolean().nullish(),
  yield_ms: z.number().nullish(),
});

const SessionArguments = z.object({
  session: z.number().int(),
  input: z.string().nullish(),
  wait_ms: z.number().nullish(),
  stop: z.boolean().nullish(),
});

const LocalShellAction = z.object({
  command: z.array(z.string()),
  working_directory: z.string().nullish(),
  timeout_ms: z.number().nullish(),
  // `env` and `user` are not the model's to choose.
});

const ShellAction = z.object({
  commands: z.array(z.string()).min(1),
  timeout_ms: z.number().nullish(),
});

/** What a call may at most be given. */
export interface CallLimits {
  commandTimeoutMs: number;
  /** A background command ends with its turn in any case. */
  turnTimeoutMs: number;
}

export function readCall(call: ToolCall, workdir: string, limits: CallLimits): ReadCall {
  switch (call.type) {
    case 'function_call':
      return readFunction(call.name, call.arguments, workdir, limits);
    case 'local_shell_call': {
      const parsed = LocalShellAction.safeParse(call.action);
      if (!parsed.success) return { ok: false, problem: badArguments(parsed.error) };
      const { command, working_directory, timeout_ms } = parsed.data;
      return asRun(toCommand(command, working_directory, timeout_ms, workdir, limits.commandTimeoutMs));
    }
    case 'shell_call': {
      const parsed = ShellAction.safeParse(call.action);
      if (!parsed.success) return { ok: false, problem: badArguments(parsed.error) };
      const { commands, timeout_ms } = parsed.data;
      const read: ShellCommand[] = [];
      for (const command of commands) {
        const one = toCommand(command, null, timeout_ms, workdir, limits.commandTimeoutMs);
        if (!one.ok) return one;
        read.push(one.command);
      }
      const [first, ...rest] = read;
      return first ? { ok: true, kind: 'run', commands: [first, ...rest] } : { ok: false, problem: EMPTY };
    }
    case 'apply_patch_call': {
      const patch = patchOf(call.operation);
      return patch.ok ? asRun(toPatch(patch.text, workdir, limits)) : patch;
    }
    case 'custom_tool_call':
      return call.name === 'apply_patch'
        ? asRun(toPatch(call.input, workdir, limits))
        : { ok: false, problem: unknownTool(call.name) };
  }
}

function readFunction(name: string, text: string, workdir: string, limits: CallLimits): ReadCall {
  if (name === 'apply_patch') return asRun(toPatch(patchArgument(text), workdir, limits));
  if (name !== 'shell' && name !== 'shell_background' && name !== 'shell_session') {
    return { ok: false, problem: unknownTool(name) };
  }
  const json = parseJson(text);
  if (json === undefined) return { ok: false, problem: 'The arguments of this call are not JSON.' };
  if (name === 'shell_session') {
    const parsed = SessionArguments.safeParse(json);
    if (!parsed.success) return { ok: false, problem: badArguments(parsed.error) };
    const { session, input, wait_ms, stop } = parsed.data;
    if (input != null && Buffer.byteLength(input) > DOOR_INPUT_BYTES) {
      return { ok: false, problem: `The input is longer than ${DOOR_INPUT_BYTES} bytes: send it in parts.` };
    }
    const waitMs = Math.min(within(wait_ms, MIN_YIELD_MS, MAX_WAIT_MS), limits.commandTimeoutMs);
    return { ok: true, kind: 'session', session, input: input ?? '', waitMs, stop: stop ?? false };
  }
  const parsed = ShellArguments.safeParse(json);
  if (!parsed.success) return { ok: false, problem: badArguments(parsed.error) };
  const { command, workdir: folder, timeout_ms, background, tty, yield_ms } = parsed.data;
  const runsOn = name === 'shell_background' || background === true || tty === true;
  const most = runsOn ? limits.turnTimeoutMs : limits.commandTimeoutMs;
  const read = toCommand(command, folder, timeout_ms, workdir, most);
  if (!read.ok || !runsOn) return asRun(read);
  return {
    ok: true,
    kind: 'background',
    command: { ...read.command, background: true, ...(tty === true ? { tty } : {}) },
    yieldMs: within(yield_ms, MIN_YIELD_MS, MAX_YIELD_MS),
  };
}

type ReadCommand = { ok: true; command: ShellCommand } | { ok: false; problem: string };

function asRun(read: ReadCommand): ReadCall {
  return read.ok ? { ok: true, kind: 'run', commands: [read.command] } : read;
}

function toPatch(patch: string, workdir: string, limits: CallLimits): ReadCommand {
  return toCommand(['apply_patch', patch], null, null, workdir, limits.commandTimeoutMs);
}

function within(wanted: number | null | undefined, least: number, most: number): number {
  return Math.min(Math.max(Math.ceil(wanted ?? DEFAULT_YIELD_MS), least), most);
}

function toCommand(
  command: string | string[],
  folder: string | null | undefined,
  timeoutMs: number | null | undefined,
  workdir: string,
  maxTimeoutMs: number,
): ReadCommand {
  const argv = typeof command === 'string' ? ['bash', '-c', command] : withoutLogin(command);
  if (argv.length === 0 || argv[0] === '' || (typeof command === 'string' && command.trim() === '')) {
    return { ok: false, problem: EMPTY };
  }
  if (argv.some((word) => word.includes('\0'))) {
    return { ok: false, problem: 'A command cannot contain a NUL character.' };
  }
  const cwd = inside(workdir, folder);
  if (cwd === null) {
    return { ok: false, problem: `The folder to run in must lie in ${workdir}; use cd for others.` };
  }
  const wanted = timeoutMs != null && timeoutMs > 0 ? Math.ceil(timeoutMs) : maxTimeoutMs;
  return {
    ok: true,
    command: {
      display: cleanText(displayOf(argv)),
      argv,
      cwd,
      timeoutMs: Math.min(wanted, maxTimeoutMs),
    },
  };
}

const EMPTY = 'The command is empty.';

/** A login shell would reset the PATH, and with it lose `apply_patch`. */
function withoutLogin(argv: string[]): string[] {
  const [program = '', flag = '', ...rest] = argv;
  return /^(\/(usr\/)?bin\/)?(ba)?sh$/.test(program) && (flag === '-lc' || flag === '-cl')
    ? [program, '-c', ...rest]
    : argv;
}

function inside(workdir: string, folder: string | null | undefined): string | null {
  const path = posix.resolve(workdir, folder ?? '');
  return path === workdir || path.startsWith(`${workdir}/`) ? path : null;
}

function displayOf(argv: string[]): string {
  const [program = '', flag, script] = argv;
  if (argv.length === 3 && flag === '-c' && /(^|\/)(ba)?sh$/.test(program)) return script ?? '';
  return argv.map(quoted).join(' ');
}

/** For bash, and only where it is needed. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Whether a call has to wait for those before it, and those after for it: one that edits files is
 * meant to happen in its place, even when it was sent along with others.
 */
export function isExclusive(command: ShellCommand): boolean {
  return command.argv.some((word) => /\bapply_patch\b/.test(word));
}

/**
 * The script in place of an argument that is too large for the system, or null when all fit. Only
 * what a model does send is covered: a script for bash, and a patch as the argument of `apply_patch`.
 */
export function scriptOfLargeCall(argv: string[]): string | null {
  if (argv.every((word) => Buffer.byteLength(word) <= MAX_ARGUMENT_BYTES)) return null;
  const [program = '', first = '', second] = argv;
  if (argv.length === 3 && first === '-c' && /(^|\/)bash$/.test(program)) return second ?? null;
  if (argv.length === 2 && program === 'apply_patch') {
    return `apply_patch <<'${HEREDOC_END}'\n${first}\n${HEREDOC_END}\n`;
  }
  return null;
}

const HEREDOC_END = 'END_OF_CODEX_PATCH_9f2c';

function unknownTool(name: string): string {
  return `There is no tool ${JSON.stringify(cleanText(name.slice(0, 100)))}. The shell is the only tool.`;
}

function badArguments(error: z.ZodError): string {
  const issue = error.issues[0];
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  return `The arguments of this call are not as described: ${where}${issue?.message ?? 'unreadable'}.`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
