/**
 * What is risky about one program with its words: whether it deletes, publishes, reaches the network, takes
 * rights, or writes outside. Pure. A program that is not named here has no risk of its own: what a build
 * or a test does inside is not known from its command; confinement is the sandbox's affair.
 */
import { gitRisks } from './git.ts';
import type { Places, Risks } from './places.ts';
import { argumentsOf, hasOption, programOf, valuesOf, type Arguments } from './program.ts';
import { textOf, type SimpleCommand, type Word } from './words.ts';

const PRIVILEGE = new Set([
  ...[
    'sudo',
    'su',
    'doas',
    'pkexec',
    'runuser',
    'chown',
    'chgrp',
    'setcap',
    'mount',
    'umount',
    'passwd',
    'visudo',
  ],
  ...[
    'useradd',
    'usermod',
    'userdel',
    'groupadd',
    'unshare',
    'nsenter',
    'chroot',
    'insmod',
    'modprobe',
    'systemctl',
  ],
]);
const NETWORK = new Set([
  ...[
    'curl',
    'wget',
    'ssh',
    'scp',
    'sftp',
    'nc',
    'ncat',
    'netcat',
    'telnet',
    'ftp',
    'tftp',
    'socat',
    'nmap',
    'aria2c',
  ],
  ...[
    'lynx',
    'w3m',
    'http',
    'https',
    'xh',
    'dig',
    'host',
    'nslookup',
    'ping',
    'ssh-copy-id',
    'axel',
    'mosh',
    'croc',
  ],
]);
const PUBLISHES = new Set([
  'gh',
  'glab',
  'hub',
  'twine',
  'vsce',
  'ovsx',
  'vercel',
  'netlify',
  'firebase',
  'flyctl',
]);
const PUBLISHING_WORDS: Record<string, readonly string[]> = {
  npm: ['publish', 'unpublish', 'deprecate', 'dist-tag', 'owner', 'access', 'token', 'login', 'adduser'],
  pnpm: ['publish'],
  yarn: ['publish', 'npm'],
  bun: ['publish'],
  cargo: ['publish', 'yank', 'owner', 'login'],
  docker: ['push', 'login'],
  podman: ['push', 'login'],
  gem: ['push', 'yank', 'owner'],
  poetry: ['publish'],
  uv: ['publish'],
  flit: ['publish'],
  hatch: ['publish'],
  helm: ['push'],
  terraform: ['apply', 'destroy'],
  kubectl: ['apply', 'create', 'delete', 'replace', 'patch'],
  mvn: ['deploy', 'release:perform'],
  gradle: ['publish', 'publishplugins', 'uploadarchives'],
  gradlew: ['publish', 'publishplugins', 'uploadarchives'],
};
const DELETES = new Set([
  'shred',
  'truncate',
  'wipefs',
  'fdisk',
  'parted',
  'srm',
  'wipe',
  'blkdiscard',
  'mkswap',
]);
/** All of their operands are written. */
const WRITES_ALL = new Set([
  'tee',
  'touch',
  'mkdir',
  'rmdir',
  'ln',
  'mv',
  'chmod',
  'link',
  'unlink',
  'mkfifo',
]);
/** The last one, or that of `-t`. */
const WRITES_LAST = new Set(['cp', 'install', 'rsync']);
/** With any of these options they run text as a program. */
const INTERPRETERS: Record<string, RegExp> = {
  python: /^-\w*c|^-$/,
  node: /^(-e|-p|-pe|--eval|--print|-r|--require|--import|-$)/,
  deno: /^eval$/,
  bun: /^(-e|--eval)/,
  perl: /^-\w*[eE]|^-$/,
  ruby: /^-\w*e|^-$/,
  php: /^-\w*[rBRE]|^-$/,
  lua: /^-\w*e|^-$/,
};
const SCRIPTED = new Set([
  'source',
  '.',
  'vi',
  'vim',
  'nvim',
  'ex',
  'ed',
  'emacs',
  'm4',
  'bc',
  'dc',
  'osascript',
]);

export function risksOf(command: SimpleCommand, places: Places): Risks {
  const risks: Risks = new Set();
  for (const { kind, target } of command.redirects) {
    if (/^\/dev\/(tcp|udp)\//.test(textOf(target) ?? '')) risks.add('network');
    else if (kind === 'write') place(risks, places, target);
  }
  const program = programOf(command.words[0]);
  if (program === null) return risks;
  const args = argumentsOf(command.words);
  if (PRIVILEGE.has(program)) risks.add('privilege');
  if (NETWORK.has(program)) risks.add('network');
  if (PUBLISHES.has(program) || publishes(program, args)) risks.add('publishes');
  if (DELETES.has(program) || program.startsWith('mkfs')) risks.add('deletes');
  if (SCRIPTED.has(program) || isInterpreter(program, command)) risks.add('unreadable');
  if (Object.hasOwn(PUBLISHING_WORDS, program) && args.operands[0]?.kind === 'dynamic')
    risks.add('unreadable');
  if (WRITES_ALL.has(program)) args.operands.forEach((word) => place(risks, places, word));
  if (WRITES_LAST.has(program)) lastIsWritten(command.words, args, risks, places);
  own(program, command.words, args, risks, places);
  return risks;
}

function place(risks: Risks, places: Places, word: Word | undefined): void {
  const where = places.of(word);
  if (where === 'outside') risks.add('outside');
  if (where === 'unknown') risks.add('unreadable');
}

/** Rules for single programs. */
function own(program: string, words: Word[], args: Arguments, risks: Risks, places: Places): void {
  const { options, operands } = args;
  const texts = words.map((word) => (word.kind === 'dynamic' ? null : word.text));
  switch (program) {
    case 'git':
      return gitRisks(words, risks, places);
    case 'cd':
    case 'pushd':
      return places.enter(operands[0]);
    case 'popd':
      return places.enter(undefined);
    case 'rm': {
      if (hasOption(options, 'rR', ['--recursive']) || operands.some((word) => word.kind !== 'literal')) {
        risks.add('deletes');
      }
      return operands.forEach((word) => place(risks, places, word));
    }
    case 'chmod':
      if (
        operands
          .slice(0, 1)
          .some((word) => !/^([ugoa]*[-+=][rwxX]*,?)+$|^0?[0-7]{3}$/.test(textOf(word) ?? ''))
      ) {
        risks.add('privilege');
      }
      return;
    case 'find':
      if (texts.includes('-delete')) risks.add('deletes');
      if (texts.some((text) => /^-f(print|print0|printf|ls)$/.test(text ?? ''))) risks.add('outside');
      if (words.slice(1).some((word) => word.kind === 'dynamic')) risks.add('unreadable');
      return;
    case 'dd':
      for (const text of texts.slice(1)) {
        if (text === null) risks.add('unreadable');
        else if (text.startsWith('of=')) place(risks, places, { kind: 'literal', text: text.slice(3) });
      }
      return;
    case 'rsync':
      if (options.some((option) => option.startsWith('--del') || option === '--remove-source-files'))
        risks.add('deletes');
      if (texts.some((text) => /^[^/]*:/.test(text ?? '') || text?.startsWith('rsync://')))
        risks.add('network');
      if (hasOption(options, 'e', ['--rsh', '--rsync-path'])) risks.add('unreadable');
      return;
    case 'docker':
    case 'podman':
      if (texts.some((text) => /^(rm|rmi|prune|down|kill)$/.test(text ?? ''))) risks.add('deletes');
      if (texts.some((text) => /^(run|exec|pull|compose|build|buildx)$/.test(text ?? '')))
        risks.add('privilege');
      return;
    case 'openssl':
      if (['s_client', 's_server'].includes(texts[1] ?? '')) risks.add('network');
      return;
    case 'tar':
      if (
        options.some((option) =>
          /^--(checkpoint-action|to-command|use-compress|rsh|info-script|new-vol)/.test(option),
        )
      ) {
        risks.add('unreadable');
      }
      if (args.uncertain || hasOption(options, 'IF')) risks.add('unreadable');
      if (hasOption(options, 'P', ['--absolute-names'])) risks.add('outside');
      if (options.some((option) => /^--remove-files/.test(option))) risks.add('deletes');
      return [...valuesOf(words, '-C', '--directory'), ...valuesOf(words, null, '--file')].forEach((word) =>
        place(risks, places, word),
      );
    case 'unzip':
      return valuesOf(words, '-d', null).forEach((word) => place(risks, places, word));
    case 'patch':
      return [...valuesOf(words, '-d', '--directory'), ...valuesOf(words, '-o', '--output')].forEach((word) =>
        place(risks, places, word),
      );
    case 'sort':
      if (options.some((option) => option.startsWith('--compress')) || args.uncertain)
        risks.add('unreadable');
      return valuesOf(words, '-o', '--output').forEach((word) => place(risks, places, word));
    case 'rg':
      if (options.some((option) => /^--(pre|hostname-bin)/.test(option)) || args.uncertain)
        risks.add('unreadable');
      return;
    case 'split':
      if (options.some((option) => option.startsWith('--filter'))) risks.add('unreadable');
      return;
    case 'less':
    case 'more':
    case 'man':
      if (texts.slice(1).some((text) => text === null || /^\+|^-[PHo]/.test(text))) risks.add('unreadable');
      return;
    case 'sed':
      return sed(words, args, risks, places);
    case 'awk':
    case 'gawk':
    case 'mawk':
    case 'nawk':
      if (args.uncertain || hasOption(options, 'fiEl', ['--file', '--exec', '--include', '--load']))
        risks.add('unreadable');
      if (texts.slice(1).some((text) => /system|getline|[|>]|@/.test(text ?? ''))) risks.add('unreadable');
      return;
  }
}

/** `s`, `p`, `d` and the like; `e` runs, `w` writes, and a script in a file is not seen. */
const SED_COMMAND =
  /^(\d+|\$|\/(\\.|[^/\\])*\/I?)?(,(\+?\d+|\$|\/(\\.|[^/\\])*\/I?))?!?\{?(s(?<by>[/|#,@!:_%])((?!\k<by>)[^\\]|\\.)*\k<by>((?!\k<by>)[^\\]|\\.)*\k<by>[gpIi\d]*|[pdqnNgGhHxPDl=]\d*|[aic]\\?[^;\n]*|y\/[^/;\n]*\/[^/;\n]*\/)?\}?$/s;

function sed(words: Word[], { options, operands, uncertain }: Arguments, risks: Risks, places: Places): void {
  const scripts = [...valuesOf(words, '-e', '--expression')];
  const files = scripts.length === 0 ? operands.slice(1) : operands.filter((word) => !scripts.includes(word));
  if (scripts.length === 0) scripts.push(...operands.slice(0, 1));
  if (uncertain || options.some((option) => /^-\w*f|^--file/.test(option))) risks.add('unreadable');
  for (const script of scripts) {
    const text = textOf(script);
    if (text === null) risks.add('unreadable');
    else if (!SED_COMMAND.test(text) && !text.split(/[;\n]/).every((part) => SED_COMMAND.test(part.trim()))) {
      risks.add('unreadable');
    }
  }
  if (hasOption(options, 'i', ['--in-place'])) files.forEach((word) => place(risks, places, word));
}

function publishes(program: string, { operands }: Arguments): boolean {
  const words = Object.hasOwn(PUBLISHING_WORDS, program) ? (PUBLISHING_WORDS[program] ?? []) : [];
  // Options with a value may stand before: any word counts, but what is run by `npm run` is a name.
  const texts = operands.map((word) => textOf(word)?.toLowerCase() ?? '');
  if (['run', 'run-script', 'exec', 'test'].includes(texts[0] ?? '')) return false;
  return texts.some((text) => words.includes(text) || words.some((word) => text.endsWith(`:${word}`)));
}

function lastIsWritten(words: Word[], { operands }: Arguments, risks: Risks, places: Places): void {
  const folders = valuesOf(words, '-t', '--target-directory');
  for (const word of folders.length > 0 ? folders : operands.slice(-1)) place(risks, places, word);
  if (operands.some((word) => word.kind === 'dynamic')) risks.add('unreadable');
}

/** Given text to run rather than a file of the repository. */
function isInterpreter(program: string, command: SimpleCommand): boolean {
  const name = program
    .replace(/[\d.]+$/, '')
    .replace(/^(pypy|python)w?$/, 'python')
    .replace(/^nodejs$/, 'node');
  const runsText = Object.hasOwn(INTERPRETERS, name) ? INTERPRETERS[name] : undefined;
  if (!runsText) return false;
  const rest = command.words.slice(1);
  if (rest.length === 0 || command.input.kind === 'text') return true;
  const operand = rest.findIndex((word) => !textOf(word)?.startsWith('-') || textOf(word) === '-');
  // What comes after the script is the script's affair. With options alone, a version for example, it reads nothing.
  const mine = operand < 0 ? rest : rest.slice(0, operand + 1);
  if (rest[operand]?.kind === 'dynamic') return true;
  if (operand < 0 && !mine.every((word) => /^(-V|-v|--version|--help|-h)$/.test(textOf(word) ?? '')))
    return true;
  return mine.some((word) => runsText.test(textOf(word) ?? ''));
}
