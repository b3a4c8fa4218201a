/** What is risky about a git command. Pure. */
import type { Places, Risks } from './places.ts';
import { argumentsOf, hasOption } from './program.ts';
import { textOf, type Word } from './words.ts';

/** Options before the command, and whether a value follows. Others can name a program. */
const GLOBAL_FLAGS =
  /^(--no-pager|-P|--literal-pathspecs|--no-optional-locks|--bare|--version|--help|-h|-v)$/;
const GLOBAL_FOLDERS = /^(-C|--git-dir|--work-tree)$/;

const NETWORK = new Set([
  'pull',
  'fetch',
  'clone',
  'ls-remote',
  'remote-https',
  'fetch-pack',
  'request-pull',
]);
const PUBLISHES = new Set(['push', 'send-email', 'send-pack', 'svn', 'p4', 'http-push', 'imap-send']);
/** Nothing else is known of what they do here; an alias of a repository can have any other name. */
const PLAIN = new Set([
  ...[
    'add',
    'am',
    'annotate',
    'apply',
    'archive',
    'bisect',
    'blame',
    'branch',
    'cat-file',
    'check-attr',
    'tag',
  ],
  ...[
    'check-ignore',
    'checkout',
    'cherry',
    'cherry-pick',
    'clean',
    'commit',
    'commit-tree',
    'config',
    'count-objects',
  ],
  ...[
    'describe',
    'diff',
    'diff-files',
    'diff-index',
    'diff-tree',
    'for-each-ref',
    'format-patch',
    'fsck',
    'gc',
    'grep',
  ],
  ...[
    'hash-object',
    'help',
    'init',
    'log',
    'ls-files',
    'ls-tree',
    'merge',
    'merge-base',
    'merge-file',
    'mv',
    'name-rev',
  ],
  ...[
    'notes',
    'prune',
    'range-diff',
    'read-tree',
    'rebase',
    'reflog',
    'remote',
    'reset',
    'restore',
    'rev-list',
    'status',
  ],
  ...[
    'rev-parse',
    'revert',
    'rm',
    'shortlog',
    'show',
    'show-ref',
    'sparse-checkout',
    'stash',
    'stripspace',
    'switch',
  ],
  ...[
    'symbolic-ref',
    'update-index',
    'update-ref',
    'var',
    'verify-commit',
    'version',
    'whatchanged',
    'worktree',
    'write-tree',
  ],
]);
/** Options of any command that name a program, or a file to write. */
const NAMES_PROGRAM =
  /^(--(ext-diff|textconv|open-files-in-pager|exec|upload-pack|receive-pack|extcmd|gpg-sign)|-O)/;

export function gitRisks(words: readonly Word[], risks: Risks, places: Places): void {
  let at = 1;
  for (; at < words.length; at++) {
    const text = textOf(words[at]);
    if (text === null || !text.startsWith('-')) break;
    if (GLOBAL_FOLDERS.test(text)) {
      if (places.of(words[++at]) !== 'inside') risks.add('outside');
    } else if (!GLOBAL_FLAGS.test(text)) risks.add('unreadable');
  }
  const verb = textOf(words[at]);
  if (verb === null) {
    if (at < words.length) risks.add('unreadable');
    return;
  }
  if (PUBLISHES.has(verb)) risks.add('publishes');
  else if (NETWORK.has(verb)) risks.add('network');
  else if (!PLAIN.has(verb)) risks.add('unreadable');

  const rest = words.slice(at);
  const { options, operands } = argumentsOf(rest);
  if (uncertain(verb, rest) || options.some((option) => NAMES_PROGRAM.test(option))) risks.add('unreadable');
  const first = textOf(operands[0]);
  const outputs = rest
    .map((word) => /^--output=(.*)$/s.exec(textOf(word) ?? '')?.[1])
    .filter((path) => path !== undefined);
  if (
    outputs.some((text) => places.of({ kind: 'literal', text }) !== 'inside') ||
    options.includes('--output')
  ) {
    if (verb !== 'archive') risks.add('outside');
  }
  switch (verb) {
    case 'clean':
      if (!hasOption(options, 'n', ['--dry-run'])) risks.add('deletes');
      return;
    case 'reset':
      if (options.includes('--hard') || options.includes('--merge') || options.includes('--keep'))
        risks.add('deletes');
      return;
    case 'rm':
      if (hasOption(options, 'r')) risks.add('deletes');
      return;
    case 'checkout':
    case 'switch':
      if (hasOption(options, 'f', ['--force', '--discard-changes'])) risks.add('deletes');
      if (rest.some((word) => textOf(word) === '--') || first === '.') risks.add('deletes');
      return;
    case 'restore':
      if (!options.includes('--staged') || options.includes('--worktree')) risks.add('deletes');
      return;
    case 'branch':
    case 'tag':
      if (hasOption(options, 'dD', ['--delete'])) risks.add('deletes');
      return;
    case 'stash':
    case 'reflog':
    case 'worktree':
      if (['drop', 'clear', 'expire', 'delete', 'remove'].includes(first ?? '')) risks.add('deletes');
      if (verb === 'worktree' && first === 'add' && places.of(operands[1]) !== 'inside') risks.add('outside');
      return;
    case 'gc':
    case 'prune':
    case 'update-ref':
      risks.add('deletes');
      return;
    case 'bisect':
      if (first === 'run') risks.add('unreadable');
      return;
    case 'rebase':
      if (hasOption(options, 'x')) risks.add('unreadable');
      return;
    case 'remote':
      if (['update', 'prune', 'show'].includes(first ?? '')) risks.add('network');
      return;
    case 'config': {
      const reads = options.some((option) =>
        /^(--get|--list|-l|--get-all|--get-regexp|--show-)/.test(option),
      );
      const key = operands.map(textOf).find((text) => text?.includes('.')) ?? '';
      if (!reads && !key.startsWith('user.')) risks.add('unreadable');
      return;
    }
  }
}

/** A message may be put together when it runs; any other word could be an option. */
function uncertain(verb: string, words: readonly Word[]): boolean {
  return words.some((word, at) => {
    if (word.kind !== 'dynamic') return false;
    const before = textOf(words[at - 1]) ?? '';
    return !(
      ['commit', 'tag', 'stash', 'merge', 'notes'].includes(verb) && /^(-\w*m|--message)$/.test(before)
    );
  });
}

/** Without the options before the command: `git push` for `git -C folder push`. */
export function withoutGlobals(words: readonly Word[]): Word[] {
  let at = 1;
  while (at < words.length && textOf(words[at])?.startsWith('-')) {
    at += /^(-C|-c|--git-dir|--work-tree|--namespace|--exec-path|--config-env)$/.test(textOf(words[at]) ?? '')
      ? 2
      : 1;
  }
  return [...words.slice(0, 1), ...words.slice(at)];
}
