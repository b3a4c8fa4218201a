/** A machine that the macOS sandbox takes for a Mac: this one, with a stand-in for `sandbox-exec`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../../../../server/sandbox/local/macos/machine.ts';

const INTERPRETER = join(import.meta.dirname, 'interpret.ts');

/** `before`: lines of a shell that run ahead of everything else, with `$rules` as the rules' file. */
export function notAMac(dir: string, before = ''): Machine {
  const personHome = join(dir, 'person');
  mkdirSync(personHome, { recursive: true });
  writeFileSync(join(personHome, 'key'), 'the key of the person');
  const sandboxExec = join(dir, 'sandbox-exec');
  const script = `#!/bin/bash
[ "$1" = -f ] || exit 64
rules=$2; shift 2
given_path=$PATH; PATH=/usr/bin:/bin
${before}
options=$(mktemp)
'${process.execPath}' '${INTERPRETER}' "$rules" </dev/null >"$options" || exit
mapfile -d '' -t given <"$options"
rm "$options"
# On a Mac this process becomes the program, so a request to end reaches it.
below() { pgrep -P "$1"; }
trap 'kill -TERM $(below $(below $bwrap))' TERM
bwrap "\${given[@]}" --setenv PATH "$given_path" -- "$@" <&0 &
bwrap=$!
while kill -0 $bwrap 2>/dev/null; do wait $bwrap; done
`;
  writeFileSync(sandboxExec, script, { mode: 0o755 });
  return {
    sandboxExec,
    ps: '/usr/bin/ps',
    pgrep: '/usr/bin/pgrep',
    bash: '/bin/bash',
    nice: '/usr/bin/nice',
    personHome,
    systemPath: '/usr/local/bin:/usr/bin:/bin',
    locale: 'C.UTF-8',
    node: 'linux',
  };
}
