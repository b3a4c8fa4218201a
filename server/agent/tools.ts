/**
 * The tools a model is offered, as they are described to it. How a call of one is read: `read-call.ts`.
 */
import type { ShellVariant, Tool } from '../model/model.ts';

/** How long a call waits for a command that runs on, when the model does not say. */
export const DEFAULT_YIELD_MS = 10_000;
export const MIN_YIELD_MS = 250;
export const MAX_YIELD_MS = 30_000;
/** A look at a long build waits longer: each costs a request. */
export const MAX_WAIT_MS = 5 * 60_000;

export function toolsFor(variant: ShellVariant): Tool[] {
  switch (variant) {
    case 'function':
      return [SHELL_TOOL, SESSION_TOOL];
    case 'local_shell':
      return [{ type: 'local_shell' }, BACKGROUND_TOOL, SESSION_TOOL];
    case 'shell':
      return [
        { type: 'shell', environment: { type: 'local' } },
        { type: 'apply_patch' },
        BACKGROUND_TOOL,
        SESSION_TOOL,
      ];
  }
}

const COMMAND = {
  anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
  description: 'A script for bash, or a program with its arguments.',
};
const WORKDIR = {
  type: 'string',
  description: 'The folder to run in, absolute or relative to the root of the repository.',
};
const TIMEOUT = { type: 'integer', description: 'Stop the command after this time, in milliseconds.' };
const TTY = {
  type: 'boolean',
  description: 'Run it in the background on a terminal of its own: for programs that want one.',
};
const YIELD = {
  type: 'integer',
  description: `In the background: return after this time, in milliseconds, if it still runs (${MIN_YIELD_MS} to ${MAX_YIELD_MS}, default ${DEFAULT_YIELD_MS}).`,
};

const SHELL_TOOL: Tool = {
  type: 'function',
  name: 'shell',
  description:
    'Runs a command in the sandbox and returns its output and exit code. With background it returns while the command still runs, with the number of its session.',
  strict: false,
  parameters: {
    type: 'object',
    properties: {
      command: COMMAND,
      workdir: WORKDIR,
      timeout_ms: TIMEOUT,
      background: {
        type: 'boolean',
        description: 'For what runs on, like a server, or asks for input.',
      },
      tty: TTY,
      yield_ms: YIELD,
    },
    required: ['command'],
    additionalProperties: false,
  },
};

/** Beside a tool of the model's own, which knows nothing of it. */
const BACKGROUND_TOOL: Tool = {
  type: 'function',
  name: 'shell_background',
  description:
    'Starts a command that runs on, like a server, or asks for input. Returns what it printed at first and the number of its session.',
  strict: false,
  parameters: {
    type: 'object',
    properties: { command: COMMAND, workdir: WORKDIR, timeout_ms: TIMEOUT, tty: TTY, yield_ms: YIELD },
    required: ['command'],
    additionalProperties: false,
  },
};

const SESSION_TOOL: Tool = {
  type: 'function',
  name: 'shell_session',
  description:
    'Looks at a command that runs in the background: returns what it printed since the last look, and its exit code once it has ended. Can type into it first, or stop it.',
  strict: false,
  parameters: {
    type: 'object',
    properties: {
      session: { type: 'integer', description: 'The number of the session.' },
      input: {
        type: 'string',
        description:
          'Typed as it is: a line ends with \\n, \\u0003 is Ctrl+C and \\u0004 Ctrl+D. Leave it out to look only.',
      },
      wait_ms: {
        type: 'integer',
        description: `Wait at most this time for something new, in milliseconds (up to ${MAX_WAIT_MS}, default ${DEFAULT_YIELD_MS}).`,
      },
      stop: { type: 'boolean', description: 'End the command and all that it started.' },
    },
    required: ['session'],
    additionalProperties: false,
  },
};
