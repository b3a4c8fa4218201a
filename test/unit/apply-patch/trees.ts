/**
 * Random trees of files, two of them and a patch that makes the one into the other: the differ that the
 * property tests hold `apply_patch` against. It shares no code with it.
 */

import type { Random } from '../../support/random.ts';

export { seeded, type Random } from '../../support/random.ts';

type Encoding = 'utf8' | 'utf8-bom' | 'utf16le' | 'utf16be' | 'latin1';

export interface Text {
  encoding: Encoding;
  eol: '\n' | '\r\n' | '\r';
  lines: string[];
  /** The last line has no end. */
  endsOpen: boolean;
}

/** Few different lines, so that they repeat, and those that a patch could take for its own signs. */
const LINES = [
  '',
  '',
  '}',
  '  }',
  '\t}',
  '} ',
  'a',
  'b',
  '  return a;',
  'function f() {',
  '*** End Patch',
  '*** Begin Patch',
  '*** Update File: x',
  '*** End of File',
  '@@',
  '@@ a',
  '-a',
  '--- a/x',
  '+++ b/x',
  '+a',
  ' a',
  '\\ No newline at end of file',
  '```',
  'EOF',
  '"quoted"',
];
const UNICODE_LINES = [
  '“quoted”',
  'grün',
  'gru\u0308n',
  '1–2',
  '1-2',
  'a\u00a0b',
  'a b',
  '🦉',
  '日本語',
  '…',
];

export function randomText(random: Random): Text {
  const encoding = random.pick(['utf8', 'utf8', 'utf8', 'utf8-bom', 'utf16le', 'utf16be', 'latin1'] as const);
  const count = random.chance(0.1) ? 0 : random.below(random.chance(0.2) ? 60 : 12);
  const lines = Array.from({ length: count }, () => randomLine(random, encoding));
  // That is how it is known for what it is.
  if (encoding === 'latin1') lines.unshift('größe');
  // How lines end is known from the second on.
  const eol = lines.length < 2 ? '\n' : random.pick(['\n', '\n', '\r\n', '\r'] as const);
  return { encoding, eol, lines, endsOpen: lines.at(-1) !== '' && random.chance(0.3) };
}

function randomLine(random: Random, encoding: Encoding): string {
  if (random.chance(0.3)) return `line ${random.below(30)}`;
  if (!random.chance(0.2)) return random.pick(LINES);
  return encoding === 'latin1' ? 'für mich' : random.pick(UNICODE_LINES);
}

/** The same text with a few lines removed, added and replaced; what a patch cannot say stays. */
export function edited(text: Text, random: Random): Text {
  const lines: string[] = [];
  const rate = random.pick([0.05, 0.2, 0.6]);
  for (const [index, line] of text.lines.entries()) {
    if (text.encoding === 'latin1' && index === 0) lines.push(line);
    else if (!random.chance(rate)) lines.push(line);
    else if (random.chance(0.6)) lines.push(randomLine(random, text.encoding));
    if (random.chance(rate / 2)) lines.push(randomLine(random, text.encoding));
  }
  if (random.chance(0.03)) lines.length = text.encoding === 'latin1' ? 1 : 0;
  // An empty line without an end is none.
  const isOpen = random.chance(0.2) ? !text.endsOpen : text.endsOpen;
  return { ...text, lines, endsOpen: isOpen && lines.at(-1) !== '' };
}

export function bytesOf({ encoding, eol, lines, endsOpen }: Text): Buffer {
  const text = lines.join(eol) + (lines.length === 0 || endsOpen ? '' : eol);
  switch (encoding) {
    case 'utf8':
      return Buffer.from(text);
    case 'utf8-bom':
      return Buffer.from(`\ufeff${text}`);
    case 'utf16le':
      return Buffer.from(`\ufeff${text}`, 'utf16le');
    case 'utf16be':
      return Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
    case 'latin1':
      return Buffer.from(text, 'latin1');
  }
}

export type Tree = Map<string, Text>;

const NAMES = ['a', 'b', 'c', 'd e', 'ä', 'voilà', 'x.ts', '-n', '#', "it's"];

export function randomTree(random: Random): Tree {
  const tree: Tree = new Map();
  for (let count = random.below(7); count > 0; count--) place(tree, randomPath(random), randomText(random));
  return tree;
}

function randomPath(random: Random): string {
  return Array.from({ length: 1 + random.below(3) }, () => random.pick(NAMES)).join('/');
}

/** Unless something of that name, above or below it, is there. */
function place(tree: Tree, path: string, text: Text): void {
  const isTaken = [...tree.keys()].some(
    (other) => other === path || other.startsWith(`${path}/`) || path.startsWith(`${other}/`),
  );
  if (!isTaken) tree.set(path, text);
}

export interface Step {
  from: string | null;
  to: string | null;
}

/** Another tree, and how each of its files came to be. */
export function changedTree(before: Tree, random: Random): { after: Tree; steps: Step[] } {
  const after: Tree = new Map();
  const steps: Step[] = [];
  const moving: string[] = [];
  for (const [path, text] of before) {
    if (random.chance(0.2)) steps.push({ from: path, to: null });
    else if (random.chance(0.2)) moving.push(path);
    else {
      after.set(path, random.chance(0.3) ? text : edited(text, random));
      if (after.get(path) !== text) steps.push({ from: path, to: path });
    }
  }
  for (const from of moving) {
    const to = randomPath(random);
    const text = before.get(from) as Text;
    const size = after.size;
    // A file that has yet to move away would be in the way.
    if (!moving.some((other) => other === to || other.startsWith(`${to}/`) || to.startsWith(`${other}/`))) {
      place(after, to, random.chance(0.3) ? text : edited(text, random));
    }
    steps.push({ from, to: after.size > size ? to : null });
  }
  for (let count = random.below(4); count > 0; count--) {
    const to = randomPath(random);
    const size = after.size;
    place(after, to, { ...randomText(random), encoding: 'utf8', eol: '\n' });
    if (after.size > size) steps.push({ from: null, to });
  }
  // What goes away makes room for what comes.
  const rank = ({ from, to }: Step) => (to === null ? 0 : from === null ? 2 : 1);
  return { after, steps: steps.sort((one, other) => rank(one) - rank(other)) };
}

export function patchFor(before: Tree, after: Tree, steps: readonly Step[], random: Random): string {
  const lines = ['*** Begin Patch'];
  for (const { from, to } of steps) {
    if (to === null) lines.push(`*** Delete File: ${from ?? ''}`);
    else if (from === null) {
      const text = after.get(to) as Text;
      lines.push(`*** Add File: ${to}`, ...text.lines.map((line) => `+${line}`));
      if (text.endsOpen && text.lines.length > 0) lines.push(NO_NEWLINE);
    } else {
      const chunks = chunksFor(before.get(from) as Text, after.get(to) as Text, random);
      if (chunks.length === 0 && from === to) continue;
      lines.push(`*** Update File: ${from}`);
      if (from !== to) lines.push(`*** Move to: ${to}`);
      lines.push(...chunks);
    }
  }
  lines.push('*** End Patch');
  return `${lines.join('\n')}\n`;
}

const NO_NEWLINE = '\\ No newline at end of file';

interface Hunk {
  start: number;
  end: number;
  added: string[];
}

function chunksFor(old: Text, now: Text, random: Random): string[] {
  const hunks = hunksOf(old.lines, now.lines);
  const wasOpen = old.endsOpen && old.lines.length > 0;
  const isOpen = now.endsOpen && now.lines.length > 0;
  const endChanges = wasOpen !== isOpen && now.lines.length > 0;
  const last = hunks.at(-1);
  if (endChanges && old.lines.length > 0 && (last === undefined || last.end < old.lines.length)) {
    hunks.push({ start: old.lines.length - 1, end: old.lines.length, added: [now.lines.at(-1) ?? ''] });
  } else if (endChanges && last && last.start > 0 && (last.added.length === 0 || last.start === last.end)) {
    // What had an open end has to be removed, and what has one now to be added.
    last.start--;
    last.added.unshift(old.lines[last.start] ?? '');
  }
  const [one, other] = hunks.slice(-2);
  if (one && other && one.end === other.start) {
    one.end = other.end;
    one.added.push(...other.added);
    hunks.pop();
  }
  const chunks: string[] = [];
  let cursor = 0;
  for (const [index, hunk] of hunks.entries()) {
    const limit = hunks[index + 1]?.start ?? old.lines.length;
    let above = Math.min(random.below(4), hunk.start - cursor);
    let below = Math.min(random.below(4), limit - hunk.end);
    if (above + below + hunk.end - hunk.start === 0) {
      // Nothing but new lines would go to the end of the file.
      if (hunk.start > cursor) above = 1;
      else if (hunk.end < limit) below = 1;
    }
    const wanted = () => old.lines.slice(hunk.start - above, hunk.end + below);
    let context: string | null = null;
    if (random.chance(0.3) && hunk.start - above > cursor) {
      // A line above it, where that one leads to the same place.
      const at = cursor + random.below(hunk.start - above - cursor);
      const line = old.lines[at] ?? '';
      const isPlain = line !== '' && line === line.trim() && !/^[@-]/.test(line);
      if (isPlain && firstPlace(old.lines, [line], cursor) === at && wanted().length > 0) {
        if (firstPlace(old.lines, wanted(), at + 1) === hunk.start - above) context = line;
      }
    }
    while (
      context === null &&
      wanted().length > 0 &&
      hunk.start - above > cursor &&
      firstPlace(old.lines, wanted(), cursor) !== hunk.start - above
    ) {
      above++;
    }
    chunks.push(context === null ? '@@' : `@@ ${context}`);
    const removed = old.lines.slice(hunk.start, hunk.end);
    chunks.push(...old.lines.slice(hunk.start - above, hunk.start).map((line) => ` ${line}`));
    chunks.push(...removed.map((line) => `-${line}`));
    const isLast = hunk.end === old.lines.length;
    if (isLast && endChanges && wasOpen && removed.length > 0) chunks.push(NO_NEWLINE);
    chunks.push(...hunk.added.map((line) => `+${line}`));
    if (isLast && endChanges && isOpen && hunk.added.length > 0) chunks.push(NO_NEWLINE);
    chunks.push(...old.lines.slice(hunk.end, hunk.end + below).map((line) => ` ${line}`));
    if (hunk.end + below === old.lines.length && random.chance(0.3) && below === 0 && !endChanges) {
      chunks.push('*** End of File');
    }
    cursor = hunk.end + below;
  }
  return chunks;
}

function firstPlace(lines: readonly string[], wanted: readonly string[], from: number): number {
  for (let at = from; at + wanted.length <= lines.length; at++) {
    if (wanted.every((line, index) => line === lines[at + index])) return at;
  }
  return -1;
}

/** By the longest common subsequence; the texts are short. */
function hunksOf(old: readonly string[], now: readonly string[]): Hunk[] {
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      common[i * width + j] =
        old[i] === now[j]
          ? (common[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
    }
  }
  const hunks: Hunk[] = [];
  let open: Hunk | null = null;
  for (let i = 0, j = 0; i < old.length || j < now.length;) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      open = null;
      i++;
      j++;
      continue;
    }
    if (open === null) hunks.push((open = { start: i, end: i, added: [] }));
    const skipsOld = common[(i + 1) * width + j] ?? 0;
    if (j >= now.length || (i < old.length && skipsOld >= (common[i * width + j + 1] ?? 0))) {
      i++;
      open.end = i;
    } else {
      open.added.push(now[j] ?? '');
      j++;
    }
  }
  return hunks;
}
