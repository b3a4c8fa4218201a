/** Programs whose task is to run another one, and how that one is found in their words. Pure. */
import {
  DYNAMIC,
  literal,
  textOf,
  withPlaceholder,
  type Assignment,
  type Input,
  type Word,
} from './words.ts';

export type Wrapped =
  | { kind: 'none' }
  /** It runs something, and what is not certain. */
  | { kind: 'unclear' }
  | { kind: 'script'; text: string }
  /** Nothing but the other command. */
  | { kind: 'transparent'; words: Word[]; assignments?: Assignment[]; input?: Input }
  /** It adds something of its own: another user, a download. */
  | { kind: 'told'; words: Word[]; assignments?: Assignment[] }
  /** Beside its own work, each with a word that is only known then. */
  | { kind: 'each'; all: Word[][] };

interface Rule {
  kind: 'transparent' | 'told';
  flags: RegExp;
  valued: RegExp;
  /** Operands before the command. */
  skip?: number;
  assigns?: boolean;
}

const NOTHING = /^$/;
const RULES: Record<string, Rule> = {
  command: { kind: 'transparent', flags: /^-p$/, valued: NOTHING },
  builtin: { kind: 'transparent', flags: NOTHING, valued: NOTHING },
  exec: { kind: 'transparent', flags: /^-[cl]+$/, valued: /^-a$/ },
  nohup: { kind: 'transparent', flags: NOTHING, valued: NOTHING },
  setsid: { kind: 'transparent', flags: /^(-[cfw]+|--(ctty|fork|wait))$/, valued: NOTHING },
  nice: { kind: 'transparent', flags: /^(-n?-?\d+|--adjustment=.*)$/, valued: /^(-n|--adjustment)$/ },
  ionice: { kind: 'transparent', flags: /^(-t|-[cn]\d)$/, valued: /^-[cn]$/ },
  timeout: {
    kind: 'transparent',
    flags: /^(-v|-[ks].+|--(preserve-status|foreground|verbose|signal=.*|kill-after=.*))$/,
    valued: /^(-[ks]|--signal|--kill-after)$/,
    skip: 1,
  },
  time: { kind: 'transparent', flags: /^-[pv]$/, valued: /^-f$/ },
  stdbuf: { kind: 'transparent', flags: /^(-[ioe].+|--(input|output|error)=.*)$/, valued: /^-[ioe]$/ },
  env: {
    kind: 'transparent',
    flags: /^(-|-[i0]+|-u.+|--(ignore-environment|null|unset=.*))$/,
    valued: /^(-u|--unset)$/,
    assigns: true,
  },
  busybox: { kind: 'transparent', flags: NOTHING, valued: NOTHING },
  toybox: { kind: 'transparent', flags: NOTHING, valued: NOTHING },
  sudo: { kind: 'told', flags: /^-[nEHSkb]+$/, valued: /^(-[ugpC]|--user|--group)$/, assigns: true },
  doas: { kind: 'told', flags: /^-n$/, valued: /^-u$/ },
  pkexec: { kind: 'told', flags: NOTHING, valued: /^--user$/ },
  npx: { kind: 'told', flags: /^(-y|-q|--(yes|no|no-install|quiet|offline))$/, valued: /^(-p|--package)$/ },
  bunx: { kind: 'told', flags: /^--bun$/, valued: NOTHING },
  uvx: { kind: 'told', flags: /^-q$/, valued: /^--(from|with|python)$/ },
};

/** Two words that run a third. */
const RUNNERS: Record<string, readonly string[]> = {
  npm: ['exec', 'x'],
  pnpm: ['exec', 'dlx'],
  yarn: ['exec', 'dlx'],
  bun: ['x'],
  uv: ['run'],
  poetry: ['run'],
  pipenv: ['run'],
  bundle: ['exec'],
  rtk: ['exec'],
};

/** They run something, and how is more than is read here. */
const UNCLEAR = new Set([
  ...['parallel', 'watch', 'entr', 'script', 'at', 'batch', 'crontab', 'screen', 'tmux', 'expect', 'unshare'],
  ...['nsenter', 'chroot', 'su', 'runuser', 'setpriv', 'capsh', 'strace', 'ltrace', 'gdb', 'lldb', 'flock'],
  ...[
    'start-stop-daemon',
    'systemd-run',
    'zsh',
    'ksh',
    'mksh',
    'fish',
    'csh',
    'tcsh',
    'pwsh',
    'powershell',
    'cmd',
  ],
  ...[
    'rbash',
    'ld.so',
    'ld-linux-x86-64.so.2',
    'ld-linux-aarch64.so.1',
    'proot',
    'firejail',
    'bwrap',
    'dtach',
  ],
]);

export function wrapperOf(program: string, words: Word[]): Wrapped {
  if (UNCLEAR.has(program)) return { kind: 'unclear' };
  switch (program) {
    case 'eval': {
      const texts = words.slice(1).map(textOf);
      return texts.includes(null) ? { kind: 'unclear' } : { kind: 'script', text: texts.join(' ') };
    }
    case 'trap':
      return trap(words);
    case 'command':
      if (/^-[vV]+$/.test(textOf(words[1]) ?? '')) return { kind: 'none' };
      break;
    case 'xargs':
      return xargs(words);
    case 'find':
      return find(words);
    case 'set': {
      const plain = words
        .slice(1)
        .every((word) => /^([-+][A-Za-z]*|pipefail|--)$/.test(textOf(word) ?? '-?'));
      return plain ? { kind: 'none' } : { kind: 'unclear' };
    }
  }
  const rule = Object.hasOwn(RULES, program) ? RULES[program] : undefined;
  if (rule) return byRule(program, rule, words);
  const runs = Object.hasOwn(RUNNERS, program) ? RUNNERS[program] : undefined;
  if (runs?.includes(textOf(words[1]) ?? '')) return runner(words.slice(2));
  return { kind: 'none' };
}

function byRule(program: string, rule: Rule, words: Word[]): Wrapped {
  const call = program === 'npx' ? callOf(words) : null;
  if (call !== null) return call;
  const assignments: Assignment[] = [];
  let at = 1;
  for (; at < words.length; at++) {
    const text = textOf(words[at]);
    if (text === null) break;
    if (rule.valued.test(text)) at++;
    else if (text === '--') {
      at++;
      break;
    } else if (text.startsWith('-') && !rule.flags.test(text)) return { kind: 'unclear' };
    else if (!rule.flags.test(text)) break;
  }
  for (; rule.assigns && at < words.length; at++) {
    const match = /^([A-Za-z_]\w*)=(.*)$/s.exec(textOf(words[at]) ?? '');
    if (!match) break;
    assignments.push({ name: match[1] ?? '', value: literal(match[2] ?? '') });
  }
  // What is skipped has to be there to the letter: a word that is put together could be several.
  const skipped = words.slice(at, at + (rule.skip ?? 0));
  if (skipped.some((word) => word.kind !== 'literal')) return { kind: 'unclear' };
  const inner = words.slice(at + (rule.skip ?? 0));
  return inner.length === 0 ? { kind: 'none' } : { kind: rule.kind, words: inner, assignments };
}

function runner(rest: Word[]): Wrapped {
  const call = callOf([literal(''), ...rest]);
  if (call !== null) return call;
  const at = rest.findIndex((word) => !textOf(word)?.startsWith('-'));
  return at < 0 ? { kind: 'none' } : { kind: 'told', words: rest.slice(at) };
}

/** `npx -c 'script'`. */
function callOf(words: Word[]): Wrapped | null {
  const at = words.findIndex((word) => /^(-c|--call|--shell-mode)$/.test(textOf(word) ?? ''));
  if (at < 0) return words.some((word) => textOf(word)?.startsWith('--call=')) ? { kind: 'unclear' } : null;
  const text = textOf(words[at + 1]);
  return text === null ? { kind: 'unclear' } : { kind: 'script', text };
}

function trap(words: Word[]): Wrapped {
  const text = textOf(words[1]);
  if (words.length === 1) return { kind: 'none' };
  if (text === null) return { kind: 'unclear' };
  return text === '' || text.startsWith('-') ? { kind: 'none' } : { kind: 'script', text };
}

function xargs(words: Word[]): Wrapped {
  let placeholder: string | null = null;
  let at = 1;
  for (; at < words.length; at++) {
    const text = textOf(words[at]);
    if (text === null) return { kind: 'unclear' };
    if (text === '-I') placeholder = textOf(words[++at]);
    else if (/^-I./.test(text)) placeholder = text.slice(2);
    else if (/^-[nPLdsE]$/.test(text)) at++;
    else if (
      /^(-[0rtx]+|-[nPLdsE].+|--(null|no-run-if-empty|verbose|max-[a-z]+=.*|delimiter=.*))$/.test(text)
    )
      continue;
    else if (text.startsWith('-')) return { kind: 'unclear' };
    else break;
  }
  const inner = words.slice(at);
  if (inner.length === 0) return { kind: 'none' };
  const input: Input = { kind: 'unknown' };
  if (placeholder === null) return { kind: 'transparent', words: [...inner, DYNAMIC], input };
  return { kind: 'transparent', words: withPlaceholder(inner, placeholder), input };
}

function find(words: Word[]): Wrapped {
  const all: Word[][] = [];
  for (let at = 1; at < words.length; at++) {
    if (!/^-(exec|execdir|ok|okdir)$/.test(textOf(words[at]) ?? '')) continue;
    const from = at + 1;
    while (at < words.length && !/^[;+]$/.test(textOf(words[at]) ?? '')) at++;
    all.push(withPlaceholder(words.slice(from, at), '{}'));
  }
  return all.length === 0 ? { kind: 'none' } : { kind: 'each', all };
}
