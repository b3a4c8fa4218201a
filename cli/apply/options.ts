/** The command line of `codex-tasks apply`, checked before anything is asked of anyone. */
import { ATTEMPTS_MOST } from '../../protocol/limits.ts';
import {
  OWN_BACKEND_HELP,
  OWN_BACKEND_OPTIONS,
  ownBackendOptions,
  type OwnBackendOptions,
} from '../backend.ts';
import { UsageError, oneOf, optionalValue, parse, wholeNumber } from '../usage.ts';

export const APPLY_HELP = `codex-tasks apply [options] TASK

Puts a task's result into the repository, with a way back: codex-tasks undo.

  --to folder            the folder's files (default); what does not fit is told and left
  --to branch NAME       a commit on a local branch that is not checked out
  --to new-branch NAME   a commit on a branch of this name
  --to worktree PATH     a new folder beside the repository, uncommitted; with --branch NAME on a branch
  --repo DIR             the repository's folder (default: this folder)
  --turn N, --attempt N  which result (default: the newest, of the chosen attempt)
  --file PATH            only this file of the result; may be repeated
  --self-running         also files that an editor, a shell, a hook or a CI service runs by itself
  --partly               a branch or a worktree also when some files do not fit
  --dry-run              say what would be, and write nothing

For a branch or a worktree:
  --base REF             where it starts (default: what the task started from)
  --message TEXT         the commit's message (default: the task's title)
  --co-author "N <MAIL>" named at the end of the message
  --sign                 sign the commit
  --commit               a worktree with the result as a commit

Instead of applying:
  --print patch|command  the patch as text, or as a command to paste
  -o, --output FILE      the patch into this file

${OWN_BACKEND_HELP}`;

export type To =
  | { to: 'folder' }
  | { to: 'branch'; branch: string }
  | { to: 'newBranch'; branch: string }
  | { to: 'worktree'; folder: string; branch: string | null; commit: boolean };

export interface ApplyCommand {
  taskId: string;
  own: OwnBackendOptions;
  repo: string;
  to: To;
  turn: number | null;
  attempt: number | null;
  files: string[];
  selfRunning: boolean;
  partly: boolean;
  dryRun: boolean;
  base: string | null;
  message: string | null;
  coAuthor: { name: string; email: string } | null;
  sign: boolean;
  print: 'patch' | 'command' | null;
  output: string | null;
}

const WITH_NAME = ['branch', 'new-branch', 'worktree'] as const;
/** More turns than any task has. */
const TURNS_MOST = 100_000;

/** Null: help was asked for. Throws `UsageError`. */
export function applyOptions(args: string[]): ApplyCommand | null {
  const { values, positionals } = parse(
    optionalValue(joined(args), '--scripted-model'),
    {
      ...OWN_BACKEND_OPTIONS,
      to: { type: 'string' },
      repo: { type: 'string' },
      turn: { type: 'string' },
      attempt: { type: 'string' },
      file: { type: 'string', multiple: true },
      'self-running': { type: 'boolean' },
      partly: { type: 'boolean' },
      'dry-run': { type: 'boolean' },
      base: { type: 'string' },
      branch: { type: 'string' },
      commit: { type: 'boolean' },
      message: { type: 'string' },
      'co-author': { type: 'string' },
      sign: { type: 'boolean' },
      print: { type: 'string' },
      output: { type: 'string', short: 'o' },
      help: { type: 'boolean', short: 'h' },
    },
    true,
  );
  if (values.help) return null;
  const [taskId, ...more] = positionals;
  if (taskId === undefined || more.length > 0) throw new UsageError('one task is wanted.');
  const to = targetOf(values.to ?? 'folder', values.branch ?? null, values.commit ?? false);
  const { print, output } = values;
  if (print !== undefined && output !== undefined) throw new UsageError('either --print or --output.');
  if ((print ?? output) !== undefined && values.to !== undefined)
    throw new UsageError('--print and --output take the patch instead of applying it: leave --to out.');
  if (to.to === 'folder') {
    for (const flag of ['base', 'message', 'co-author', 'sign', 'partly'] as const) {
      if (values[flag] !== undefined) throw new UsageError(`--${flag} is for a branch or a worktree.`);
    }
  }
  if (to.to === 'branch' && values.base !== undefined)
    throw new UsageError('--base is for a new branch; this one is where it is.');
  return {
    taskId,
    own: ownBackendOptions(values),
    repo: values.repo ?? '.',
    to,
    turn: values.turn === undefined ? null : wholeNumber('--turn', values.turn, 1, TURNS_MOST),
    attempt: values.attempt === undefined ? null : wholeNumber('--attempt', values.attempt, 1, ATTEMPTS_MOST),
    files: values.file ?? [],
    selfRunning: values['self-running'] ?? false,
    partly: values.partly ?? false,
    dryRun: values['dry-run'] ?? false,
    base: values.base ?? null,
    message: values.message ?? null,
    coAuthor: values['co-author'] === undefined ? null : coAuthorOf(values['co-author']),
    sign: values.sign ?? false,
    print: print === undefined ? null : oneOf('--print', print, ['patch', 'command'] as const),
    output: output ?? null,
  };
}

/** `--to branch NAME` is two words of one option, which `parseArgs` does not know. */
function joined(args: string[]): string[] {
  const done: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const kind = args[at + 1];
    if (args[at] !== '--to' || kind === undefined) {
      done.push(args[at]!);
      continue;
    }
    const name = WITH_NAME.some((one) => one === kind) ? args[at + 2] : undefined;
    done.push(name === undefined || name.startsWith('-') ? `--to=${kind}` : `--to=${kind} ${name}`);
    at += name === undefined || name.startsWith('-') ? 1 : 2;
  }
  return done;
}

function targetOf(text: string, branch: string | null, commit: boolean): To {
  const space = text.indexOf(' ');
  const kind = oneOf('--to', space < 0 ? text : text.slice(0, space), ['folder', ...WITH_NAME]);
  const name = space < 0 ? '' : text.slice(space + 1);
  if (kind !== 'worktree' && (branch !== null || commit))
    throw new UsageError('--branch and --commit are for a worktree.');
  if (kind === 'folder') return { to: 'folder' };
  if (name === '')
    throw new UsageError(`--to ${kind} wants a ${kind === 'worktree' ? 'path' : 'name'} behind it.`);
  if (kind === 'worktree') return { to: 'worktree', folder: name, branch, commit };
  return { to: kind === 'branch' ? 'branch' : 'newBranch', branch: name };
}

function coAuthorOf(text: string): { name: string; email: string } {
  const match = /^\s*([^<>]*[^<>\s])\s*<([^<>\s]+@[^<>\s]+)>\s*$/.exec(text);
  if (!match) throw new UsageError(`--co-author is “Name <mail@example.org>”, not “${text}”.`);
  return { name: match[1]!, email: match[2]! };
}
