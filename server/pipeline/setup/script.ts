/**
 * How a setup or maintenance script is run: in a bash of its own that stops at the first command that
 * fails and notes which one that was; and what a failure means for a person. Pure.
 */
import type { CommandEnd } from '../../../protocol/items.ts';

/**
 * `$1`: the script. `$2`: where the failing command is noted, as exit code, line and text, one a line.
 * The first note counts: the same failure is seen again on the way out of functions and subshells.
 */
export const WRAPPER = `
codex_script=$1 codex_notes=$2
rm -f "$codex_notes"
shift 2
codex_note() {
  local code=$1 at
  [ ! -e "$codex_notes" ] || return 0
  for ((at = 1; at < \${#BASH_SOURCE[@]}; at++)); do
    if [ "\${BASH_SOURCE[at]}" = "$codex_script" ]; then
      printf '%s\\n%s\\n%s\\n' "$code" "\${BASH_LINENO[at - 1]}" "$2" > "$codex_notes"
      return 0
    fi
  done
}
set -eE
trap 'codex_note "$?" "$BASH_COMMAND"' ERR
. "$codex_script"
`;

export interface FailingCommand {
  exitCode: number;
  line: number;
  command: string;
}

const COMMAND_CHARS = 300;

/**
 * Which command made the script fail: the one that was noted when it is the one that ended the script,
 * or what bash itself complained of in the script (a syntax error, an unset variable).
 */
export function failingCommand(
  note: string,
  exitCode: number,
  tail: string,
  script: string,
): FailingCommand | null {
  const [code = '', line = '', ...rest] = note.split('\n');
  if (/^\d{1,9}$/.test(line) && Number(code) === exitCode) {
    return { exitCode, line: Number(line), command: shortened(rest.join('\n').trim()) };
  }
  const complaints = tail.split('\n').filter((one) => one.startsWith(`${script}: line `));
  const [, at, message = ''] = /: line (\d{1,9}): (.*)$/.exec(complaints.at(-1) ?? '') ?? [];
  return at === undefined ? null : { exitCode, line: Number(at), command: shortened(message) };
}

function shortened(command: string): string {
  return command.length > COMMAND_CHARS ? `${command.slice(0, COMMAND_CHARS)} …` : command;
}

/** What a person can try; the sentences are in `client/words/setup.ts`. */
export type Hint =
  'timeLimit' | 'memory' | 'disk' | 'missingProgram' | 'noAccess' | 'aptUpdate' | 'permission' | 'look';

const SIGNS: readonly [Hint, RegExp][] = [
  ['disk', /no space left on device|disk quota exceeded|ENOSPC/i],
  ['aptUpdate', /unable to locate package|has no installation candidate/i],
  [
    'noAccess',
    /could not resolve (host|proxy)|temporary failure in name resolution|ENOTFOUND|EAI_AGAIN|403 forbidden|x-codex-denied|network is unreachable|CONNECT tunnel failed/i,
  ],
  ['missingProgram', /command not found|: not found$|no such file or directory.*\b(sh|bash)\b/im],
  ['permission', /permission denied|EACCES|operation not permitted/i],
];

export function hintFor(end: CommandEnd, exitCode: number, tail: string): Hint {
  if (end === 'timedOut') return 'timeLimit';
  if (end === 'outOfMemory' || exitCode === 137) return 'memory';
  for (const [hint, sign] of SIGNS) if (sign.test(tail)) return hint;
  return exitCode === 127 ? 'missingProgram' : 'look';
}
