/**
 * The small part of Markdown that models write, as plain data: headings, paragraphs, lists, quotes,
 * code, tables, emphasis, links. HTML stays text; a link is http(s), a place in the repository or a
 * command of the task; anything else stays text; images become their description. Pure, linear, and
 * bounded in depth.
 */

/** In the repository. */
export interface Place {
  path: string;
  line?: number;
  endLine?: number;
}

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong' | 'em' | 'strike'; children: Inline[] }
  | { kind: 'link'; href: string; children: Inline[] }
  | ({ kind: 'file'; label: string; code: boolean } & Place)
  /** What a numbered command printed. */
  | { kind: 'command'; number: number }
  | { kind: 'break' };

export type Block =
  | { kind: 'paragraph'; children: Inline[] }
  | { kind: 'heading'; level: number; children: Inline[] }
  | { kind: 'code'; language: string; text: string }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'list'; ordered: boolean; start: number; items: { blocks: Block[]; done?: boolean }[] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][] }
  | { kind: 'rule' };

/** The block at an answer's end that is no text for a person. */
export const REPORT_FENCE = 'codex-report';

/** Lists and quotes nested deeper than this are read as plain paragraphs. */
const MAX_DEPTH = 8;
/** More than a person reads; what a page can lay out at once. */
const MAX_CHARS = 200_000;

export function parseMarkdown(source: string): Block[] {
  return parseBlocks(source.slice(0, MAX_CHARS).replace(/\r\n?/g, '\n').split('\n'), 0);
}

const FENCE = /^( {0,3})(`{3,}|~{3,})\s*([\w+#.-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])( +|$)(.*)$/;
const TABLE_RULE = /^ *\|? *:?-+:? *(\| *:?-+:? *)*\|? *$/;

function parseBlocks(lines: string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (line.trim() === '') {
      at++;
      continue;
    }
    const fence = FENCE.exec(line);
    if (fence) {
      const end = fenceEnd(lines, at + 1, fence[2] ?? '```');
      const indent = new RegExp(`^ {0,${(fence[1] ?? '').length}}`);
      const body = lines.slice(at + 1, end).map((text) => text.replace(indent, ''));
      blocks.push({ kind: 'code', language: fence[3] ?? '', text: body.join('\n') });
      at = end + 1;
      continue;
    }
    const heading = HEADING.exec(line);
    if (heading) {
      blocks.push({
        kind: 'heading',
        level: (heading[1] ?? '#').length,
        children: parseInline(heading[2] ?? ''),
      });
      at++;
      continue;
    }
    if (RULE.test(line)) {
      blocks.push({ kind: 'rule' });
      at++;
      continue;
    }
    if (depth < MAX_DEPTH && QUOTE.test(line)) {
      const body: string[] = [];
      for (; at < lines.length && QUOTE.test(lines[at] ?? ''); at++)
        body.push(QUOTE.exec(lines[at] ?? '')?.[1] ?? '');
      blocks.push({ kind: 'quote', blocks: parseBlocks(body, depth + 1) });
      continue;
    }
    if (depth < MAX_DEPTH && ITEM.test(line)) {
      at = parseList(lines, at, depth, blocks);
      continue;
    }
    if (line.includes('|') && TABLE_RULE.test(lines[at + 1] ?? '') && (lines[at + 1] ?? '').includes('-')) {
      const head = cells(line);
      const rows: Inline[][][] = [];
      for (at += 2; at < lines.length && (lines[at] ?? '').includes('|'); at++)
        rows.push(cells(lines[at] ?? ''));
      blocks.push({ kind: 'table', head, rows });
      continue;
    }
    const text: string[] = [];
    do {
      text.push((lines[at] ?? '').trimStart());
      at++;
    } while (at < lines.length && continuesParagraph(lines[at] ?? '', depth));
    blocks.push({ kind: 'paragraph', children: parseInline(text.join('\n').trimEnd()) });
  }
  return blocks;
}

function continuesParagraph(line: string, depth: number): boolean {
  if (line.trim() === '' || FENCE.test(line) || HEADING.test(line) || RULE.test(line)) return false;
  return depth >= MAX_DEPTH || !(QUOTE.test(line) || ITEM.test(line));
}

function fenceEnd(lines: string[], from: number, mark: string): number {
  const close = new RegExp(`^ {0,3}${mark[0] === '~' ? '~' : '`'}{${mark.length},} *$`);
  for (let at = from; at < lines.length; at++) if (close.test(lines[at] ?? '')) return at;
  return lines.length;
}

function parseList(lines: string[], start: number, depth: number, blocks: Block[]): number {
  const first = ITEM.exec(lines[start] ?? '');
  const indent = (first?.[1] ?? '').length;
  const ordered = /\d/.test(first?.[2] ?? '');
  const items: { blocks: Block[]; done?: boolean }[] = [];
  let at = start;
  while (at < lines.length) {
    const item = ITEM.exec(lines[at] ?? '');
    if (!item || (item[1] ?? '').length > indent + 3 || (item[1] ?? '').length < indent) break;
    if (/\d/.test(item[2] ?? '') !== ordered) break;
    const width = (item[1] ?? '').length + (item[2] ?? '').length + 1;
    const task = /^\[([ xX])\] +(.*)$/.exec(item[4] ?? '');
    const body = [task ? (task[2] ?? '') : (item[4] ?? '')];
    for (at++; at < lines.length; at++) {
      const line = lines[at] ?? '';
      const own = line.length - line.trimStart().length;
      if (line.trim() === '') {
        const next = lines[at + 1] ?? '';
        if (next.trim() === '' || next.length - next.trimStart().length < width) break;
        body.push('');
      } else if (own >= width || (own > indent && !ITEM.test(line)))
        body.push(line.slice(Math.min(own, width)));
      else if (own > indent && ITEM.test(line)) body.push(line.slice(own));
      else if (continuesParagraph(line, depth) && body.at(-1) !== '') body.push(line.trimStart());
      else break;
    }
    const parsed = parseBlocks(body, depth + 1);
    items.push(task ? { blocks: parsed, done: task[1] !== ' ' } : { blocks: parsed });
    // A blank line between items does not end the list.
    if ((lines[at] ?? '').trim() === '' && ITEM.test(lines[at + 1] ?? '')) at++;
  }
  blocks.push({ kind: 'list', ordered, start: ordered ? Number.parseInt(first?.[2] ?? '1', 10) : 1, items });
  return at;
}

function cells(line: string): Inline[][] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => parseInline(cell.trim().replaceAll('\\|', '|')));
}

// One alternative per construct; each is anchored at its first character, so a scan stays linear.
const TOKEN =
  /\\([!-/:-@[-`{-~])|(`+)([^`]|[^`][\s\S]*?[^`])\2(?!`)|!?\[([^\]\n]{0,500})\]\(\s*<?([^\s)>]{1,2000})>?(?:\s+"[^"\n]*")?\s*\)|\u3010F:([^\u2020\u3011\n]{1,500})\u2020L(\d{1,7})(?:-L?\d{1,7})?\u3011|(https?:\/\/[^\s<>()[\]`"']{1,2000})|(\*\*|__)(?=\S)([\s\S]{0,4000}?\S)\9|(~~)(?=\S)([\s\S]{0,4000}?\S)~~|([*_])(?=[^\s*_])([^*_\n]{0,2000}?[^\s*_])\13(?!\w)| {2,}\n/g;

/** `linked`: it is the text of a link already. */
export function parseInline(source: string, depth = 0, linked = false): Inline[] {
  const parts = parseTokens(source, depth);
  return linked
    ? parts.flatMap(unlinked)
    : parts.flatMap((part) => (part.kind === 'text' ? cited(part.text) : [part]));
}

function unlinked(part: Inline): Inline[] {
  if (part.kind === 'link') return [];
  return [part.kind === 'file' ? { kind: part.code ? 'code' : 'text', text: part.label } : part];
}

function parseTokens(source: string, depth: number): Inline[] {
  const out: Inline[] = [];
  const text = (part: string) => {
    const last = out.at(-1);
    if (part === '') return;
    if (last?.kind === 'text') last.text += part;
    else out.push({ kind: 'text', text: part });
  };
  let from = 0;
  for (const match of source.matchAll(TOKEN)) {
    const at = match.index;
    const before = source[at - 1] ?? ' ';
    // `snake_case` and `2*3` are no emphasis.
    const emphasis = match[9] ?? match[13];
    if (emphasis?.startsWith('_') && /\w/.test(before)) continue;
    if (depth >= MAX_DEPTH && (emphasis ?? match[11]) !== undefined) continue;
    text(source.slice(from, at));
    from = at + match[0].length;
    if (match[1] !== undefined) text(match[1]);
    else if (match[2] !== undefined) out.push(inlineCode((match[3] ?? '').replace(/\n/g, ' ').trim()));
    else if (match[5] !== undefined) out.push(...link(match[0], match[4] ?? '', match[5], depth));
    else if (match[6] !== undefined) out.push(citation(match[6], match[0]));
    else if (match[8] !== undefined) {
      const href = match[8].replace(/[.,;:!?]+$/, '');
      from = at + href.length;
      out.push({ kind: 'link', href, children: [{ kind: 'text', text: href }] });
    } else if (match[9] !== undefined)
      out.push({ kind: 'strong', children: parseInline(match[10] ?? '', depth + 1) });
    else if (match[11] !== undefined)
      out.push({ kind: 'strike', children: parseInline(match[12] ?? '', depth + 1) });
    else if (match[13] !== undefined)
      out.push({ kind: 'em', children: parseInline(match[14] ?? '', depth + 1) });
    else out.push({ kind: 'break' });
  }
  text(source.slice(from));
  return out;
}

function link(whole: string, label: string, target: string, depth: number): Inline[] {
  if (whole.startsWith('!')) return [{ kind: 'text', text: label }];
  if (/^https?:\/\//i.test(target)) {
    const children =
      depth >= MAX_DEPTH ? [{ kind: 'text', text: label } as const] : parseInline(label, depth + 1, true);
    return [{ kind: 'link', href: target, children }];
  }
  const file = fileReference(target);
  return file ? [{ kind: 'file', ...file, label, code: false }] : [{ kind: 'text', text: label }];
}

function inlineCode(text: string): Inline {
  const file = /[/.]/.test(text) ? fileReference(text) : null;
  // Only with a line is it certain that a place is meant, and not a name.
  return file?.line !== undefined
    ? { kind: 'file', ...file, label: text, code: true }
    : { kind: 'code', text };
}

function citation(path: string, whole: string): Inline {
  const name = path.split('/').at(-1) ?? path;
  const lines = /L(\d+)(?:-L?(\d+))?.$/.exec(whole);
  const file = fileReference(path);
  if (!file) return { kind: 'text', text: name };
  const place = placed(file.path, Number(lines?.[1]), Number(lines?.[2]));
  return { kind: 'file', ...place, label: `${name}:${place.line ?? 1}`, code: false };
}

/** A place or a command that is named in the middle of a sentence. */
const CITED =
  /\[command ([1-9]\d{0,5})\](?!\()|(?<![\w/.@+:~-])(?:\.\/)?[\w@+.-]{1,200}(?:\/[\w@+.-]{1,200}){0,40}:[1-9]\d{0,6}(?:-[1-9]\d{0,6})?(?![\w/:@])/g;
/** What stands before a port and not before a line. */
const HOST = /^(?:[\d.]+|(?:[\w-]+\.)+(?:com|org|net|io|dev|local|internal))$/;

function cited(text: string): Inline[] {
  const out: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(CITED)) {
    const part = match[1] === undefined ? citedFile(match[0]) : commandOf(match[1]);
    if (!part) continue;
    if (match.index > from) out.push({ kind: 'text', text: text.slice(from, match.index) });
    out.push(part);
    from = match.index + match[0].length;
  }
  if (from < text.length) out.push({ kind: 'text', text: text.slice(from) });
  return out;
}

function commandOf(digits: string): Inline {
  return { kind: 'command', number: Number(digits) };
}

/** Only what has a folder or an extension, and is no host with a port. */
function citedFile(text: string): Inline | null {
  const file = fileReference(text);
  if (!file || HOST.test(file.path) || !/\/|.\.[a-z]\w{0,9}$/i.test(file.path)) return null;
  return { kind: 'file', ...file, label: text, code: false };
}

function placed(path: string, line: number, endLine: number): Place {
  if (!(line > 0)) return { path };
  return endLine > line ? { path, line, endLine } : { path, line };
}

/** `src/a.ts`, `src/a.ts:41`, `src/a.ts:41-52`, `src/a.ts:41:7`, `src/a.ts#L41`: in the repository only. */
export function fileReference(text: string): Place | null {
  const match =
    /^(?:\.\/)?([^\s:#?*"<>|\\]{1,1000}?)(?:(?::|#L)(\d{1,7})(?::\d+)?(?:-L?(\d{1,7})(?::\d+)?)?)?$/.exec(
      text,
    );
  const path = match?.[1];
  if (!path || path.startsWith('/') || path.split('/').includes('..')) return null;
  if (!/[./]/.test(path)) return null;
  return placed(path, Number(match[2]), Number(match[3]));
}
