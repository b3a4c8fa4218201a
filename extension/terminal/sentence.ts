/** A sentence between what a shell prints: marked as VS Code marks its own, and broken between words. Pure. */

const MARK = '\u001b[0m\r\n\u001b[7m * \u001b[0m ';
/** As wide as the mark. */
const INDENT = '    ';
/** Where less fits on a line, the terminal may break it where it likes. */
const LEAST_COLUMNS = 24;

export function terminalSentence(words: string, columns: number): string {
  const plain = words.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
  const room = Math.max(columns, LEAST_COLUMNS) - INDENT.length;
  const lines = [''];
  for (const word of plain.split(' ').filter(Boolean)) {
    const line = lines.at(-1) ?? '';
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= room) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return `${MARK}${lines.join(`\r\n${INDENT}`)}\r\n`;
}
