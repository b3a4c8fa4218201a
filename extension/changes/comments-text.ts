/** Comments on lines as the prompt of a follow-up. Pure: `t` translates. */
import type { Translate } from '../../client/words/index.ts';

export interface LineComment {
  path: string;
  /** From 1, the last one included. */
  line: number;
  endLine: number;
  /** The lines that it is about: of the base, the result, or the file as it is. */
  side: 'base' | 'result' | 'file';
  quoted: string;
  text: string;
}

/** A comment on a whole file quotes what it begins with. */
const QUOTED_LINES = 20;

export function commentsPrompt(comments: readonly LineComment[], t: Translate): string {
  const blocks = comments.map((comment) => {
    const { path, line, endLine } = comment;
    const where =
      line === endLine
        ? t('{path}, line {line}', { path, line })
        : t('{path}, lines {line} to {endLine}', { path, line, endLine });
    return [`${where}${sideWords(comment.side, t)}:`, quote(comment.quoted), comment.text.trim()].join('\n');
  });
  return [t('Please go through these comments on your changes.', {}), ...blocks].join('\n\n');
}

function sideWords(side: LineComment['side'], t: Translate): string {
  switch (side) {
    case 'base':
      return ` (${t('before your change', {})})`;
    case 'result':
      return '';
    case 'file':
      return ` (${t('as the file is in my folder', {})})`;
  }
}

function quote(text: string): string {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const shown = lines.slice(0, QUOTED_LINES).map((line) => `> ${line}`);
  return [...shown, ...(lines.length > QUOTED_LINES ? ['> …'] : [])].join('\n');
}
