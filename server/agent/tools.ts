/**
 * The tools a model is offered, and how a call of one becomes a command. What a model sends is
 * hostile: a call that cannot be read becomes an answer that says why, never an exception.
 */
import { posix } from 'node:path';
import { z } from 'zod';
import type { ShellVariant, Tool } from '../model/model.ts';
import { cleanText, type ToolCall } from '../model/items.ts';

export interface ShellCommand {
  /** As a person would type it. */
  display: string;
  argv: string[];
  cwd: string;
  timeoutMs: number;
}

export type ReadCall = { ok: true; command: ShellCommand } | { ok: false; problem: string };

export function toolsFor(variant: ShellVariant): Tool[] {
  return variant === 'local_shell' ? [{ type: 'local_shell' }] : [SHELL_TOOL];
}

const SHELL_TOOL: Tool = {
  type: 'function',
  name: 'shell',
  description: 'Runs a command in the sandbox and returns its output and exit code.',
  strict: false,
  parameters: {
    type: 'object',
    properties: {
      command: {
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
        description: 'A script for bash, or a program with its arguments.',
      },
      workdir: {
        type: 'string',
        description: 'The folder to run in, absolute or relative to the root of the repository.',
      },
      timeout_ms: { type: 'integer', description: 'Stop the command after this time, in milliseconds.' },
    },
    required: ['command'],
    additionalProperties: false,
  },
};

/** Larger scripts than this do not fit into one argument of a program (Linux: 128 KiB each). */
export const MAX_ARGUMENT_BYTES = 96 * 1024;

const ShellArguments = z.object({
  command: z.union([z.string(), z.array(z.string())]),
  workdir: z.string().nullish(),
  timeout_ms: z.number().nullish(),
});

const LocalShellAction = z.object({
  command: z.array(z.string()),
  working_directory: z.string().nullish(),
  timeout_ms: z.number().nullish(),
  // `env` and `user` are not the model's to choose.
});

export function readCall(call: ToolCall, workdir: string, maxTimeoutMs: number): ReadCall {
  switch (call.type) {
    case 'function_call': {
      if (call.name !== 'shell') return { ok: false, problem: unknownTool(call.name) };
      const json = parseJson(call.arguments);
      if (json === undefined) return { ok: false, problem: 'The arguments of this call are not JSON.' };
      const parsed = ShellArguments.safeParse(json);
      if (!parsed.success) return { ok: false, problem: badArguments(parsed.error) };
      const { command, workdir: folder, timeout_ms } = parsed.data;
      return toCommand(command, folder, timeout_ms, workdir, maxTimeoutMs);
    }
    case 'local_shell_call': {
      const parsed = LocalShellAction.safeParse(call.action);
      if (!parsed.success) return { ok: false, problem: badArguments(parsed.error) };
      const { command, working_directory, timeout_ms } = parsed.data;
      return toCommand(command, working_directory, timeout_ms, workdir, maxTimeoutMs);
    }
    case 'custom_tool_call':
      return { ok: false, problem: unknownTool(call.name) };
  }
}

function toCommand(
  command: string | string[],
  folder: string | null | undefined,
  timeoutMs: number | null | undefined,
  workdir: string,
  maxTimeoutMs: number,
): ReadCall {
  const argv = typeof command === 'string' ? ['bash', '-c', command] : withoutLogin(command);
  if (argv.length === 0 || argv[0] === '' || (typeof command === 'string' && command.trim() === '')) {
    return { ok: false, problem: 'The command is empty.' };
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
  const hint = name === 'apply_patch' ? ' Run apply_patch as a command of the shell.' : '';
  return `There is no tool ${JSON.stringify(cleanText(name.slice(0, 100)))}. The shell is the only tool.${hint}`;
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
