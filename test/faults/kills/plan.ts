/**
 * A long task as a plan: steps of commands, each with a side effect that is counted in the result, what
 * it prints, and a way to look whether it ran. Pure.
 *
 * No command may run twice without a trace: it appends a line or a byte, moves a file away, or patches
 * lines that are not there any more afterwards.
 */
import { seeded, type Random } from '../../support/random.ts';

export interface Planned {
  id: string;
  command: string;
  /** Prints 1 when the command has had its effect, 0 when it has not; anything else is wrong. */
  look: string;
  /** What it prints, whole. */
  output: string;
  exitCode: number;
}

export interface Plan {
  /** Those of one step are called together. */
  steps: Planned[][];
  /** What the repository has at first. */
  files: Record<string, string>;
  answer: string;
}

type Kind = 'print' | 'slow' | 'large' | 'binary' | 'patch' | 'move' | 'fail' | 'script';
const ALONE: readonly Kind[] = ['print', 'slow', 'large', 'binary', 'patch', 'move', 'fail', 'slow', 'print'];
const TOGETHER: readonly Kind[] = ['print', 'slow', 'binary', 'move', 'large', 'patch'];

/** Larger than one argument of a program: it goes into the sandbox as a file. */
const LARGE_SCRIPT_BYTES = 120 * 1024;

export function planOf(seed: number, steps: number): Plan {
  const random = seeded(seed);
  const plan: Plan = {
    steps: [],
    files: { 'effects/.keep': '', 'moved/.keep': '', 'journal.txt': '' },
    answer: `All ${steps} steps are done.`,
  };
  const patchable: string[] = [];
  for (let index = 0; index < steps; index++) {
    const isAlone = index % 3 !== 1;
    const count = isAlone ? 1 : 2 + random.below(4);
    const letters = Array.from({ length: count }, (_, at) => String.fromCharCode(97 + at));
    plan.steps.push(
      letters.map((letter) => {
        const id = `s${String(index).padStart(2, '0')}${letter}`;
        const kind = index === 4 ? 'script' : random.pick(isAlone ? ALONE : TOGETHER);
        if (kind === 'patch') patchable.push(id);
        if (kind === 'move') plan.files[`moving/${id}`] = `${id}\n`;
        return planned(kind, id, isAlone, random);
      }),
    );
  }
  plan.files['patched.txt'] = patchable.map((id) => `before ${id}\nbetween\n`).join('');
  return plan;
}

function planned(kind: Kind, id: string, isAlone: boolean, random: Random): Planned {
  const effect = `effects/${id}`;
  // Steps one after the other leave their order too.
  const append = `echo ${id} >> ${effect}${isAlone ? `; echo ${id} >> journal.txt` : ''}`;
  const appended = { look: `cat ${effect} 2>/dev/null | wc -l`, exitCode: 0 };
  switch (kind) {
    case 'print':
      return { id, command: `echo out ${id}; ${append}`, output: `out ${id}\n`, ...appended };
    case 'slow': {
      const lines = Array.from({ length: 3 + random.below(8) }, (_, at) => `${id} ${at} grün`);
      const command = `for i in ${lines.map((_, at) => at).join(' ')}; do echo "${id} $i grün"; sleep 0.1; done; ${append}`;
      return { id, command, output: `${lines.join('\n')}\n`, ...appended };
    }
    case 'large': {
      const count = 5_000 + random.below(20_000);
      const output = Array.from({ length: count }, (_, at) => `${at + 1}\n`).join('');
      return { id, command: `seq 1 ${count}; ${append}`, output, ...appended };
    }
    case 'binary':
      return {
        id,
        command: `printf '\\000\\377\\n\\001' >> ${effect}.bin`,
        look: `echo $(( $(cat ${effect}.bin 2>/dev/null | wc -c) / 4 ))`,
        output: '',
        exitCode: 0,
      };
    case 'patch':
      return {
        id,
        command: `apply_patch <<'PATCH'\n*** Begin Patch\n*** Update File: patched.txt\n@@\n-before ${id}\n+after ${id}\n*** Add File: ${effect}.patched\n+${id}\n*** End Patch\nPATCH`,
        look: `grep -c 'after ${id}' patched.txt`,
        output: `Success. Updated the following files:\nM patched.txt\nA ${effect}.patched\n`,
        exitCode: 0,
      };
    case 'move':
      return {
        id,
        command: `mv moving/${id} moved/${id} && echo moved`,
        look: `ls moved/${id} 2>/dev/null | wc -l`,
        output: 'moved\n',
        exitCode: 0,
      };
    case 'fail':
      return { id, command: `${append}; echo no >&2; exit 3`, output: 'no\n', ...appended, exitCode: 3 };
    case 'script': {
      const filler = `# ${'x'.repeat(1_000)}\n`.repeat(Math.ceil(LARGE_SCRIPT_BYTES / 1_003));
      return { id, command: `${filler}${append}; sleep 0.5; echo long`, output: 'long\n', ...appended };
    }
  }
}
