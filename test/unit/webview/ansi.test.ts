import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnsiLines, MAX_LINE_CHARS } from '../../../webview/log/ansi.ts';

function written(...chunks: string[]): AnsiLines {
  const lines = new AnsiLines();
  for (const chunk of chunks) lines.write(chunk);
  return lines;
}
const texts = (lines: AnsiLines) => lines.lines.map((line) => line.runs.map((run) => run.text).join(''));

test('plain text becomes lines', () => {
  assert.deepEqual(texts(written('one\ntwo\n\nfour')), ['one', 'two', '', 'four']);
  assert.deepEqual(texts(written('a\r\nb\r\n')), ['a', 'b', '']);
});

test('colours and weights of SGR become runs, and a reset ends them', () => {
  const [line] = written('a \u001b[1;31mred\u001b[0m b \u001b[38;5;208mo\u001b[48;2;1;2;3mx\u001b[m').lines;
  assert.deepEqual(line?.runs, [
    { text: 'a ', style: null },
    { text: 'red', style: { bold: true, fg: '1' } },
    { text: ' b ', style: null },
    { text: 'o', style: { fg: '#ff8700' } },
    { text: 'x', style: { fg: '#ff8700', bg: '#010203' } },
  ]);
});

test('bright colours are the upper eight, and defaults go back', () => {
  const [line] = written('\u001b[91;107ma\u001b[39;49mb').lines;
  assert.deepEqual(line?.runs, [
    { text: 'a', style: { fg: '9', bg: '15' } },
    { text: 'b', style: null },
  ]);
});

test('a sequence that is cut by a chunk is put together', () => {
  for (let cut = 1; cut < 8; cut++) {
    const whole = 'x\u001b[31mred';
    assert.deepEqual(written(whole.slice(0, cut), whole.slice(cut)).lines[0]?.runs.at(-1), {
      text: 'red',
      style: { fg: '1' },
    });
  }
});

test('a carriage return starts its line anew, a line break after it does not', () => {
  assert.deepEqual(texts(written('10%\r50%\r100%\ndone')), ['100%', 'done']);
  assert.deepEqual(texts(written('kept\r', '\nnext')), ['kept', 'next']);
  assert.deepEqual(texts(written('old\u001b[2Knew')), ['new']);
});

test('cursor movement, titles, links and other control characters are dropped', () => {
  assert.deepEqual(texts(written('a\u001b[2J\u001b[10;3Hb')), ['ab']);
  assert.deepEqual(texts(written('\u001b]0;title\u0007x\u001b]8;;http://e\u001b\\l\u001b]8;;\u001b\\')), [
    'xl',
  ]);
  assert.deepEqual(texts(written('\u0007be\u0000ll\u009b')), ['bell']);
  assert.deepEqual(texts(written('\u001b(Bx\u001b=y')), ['xy']);
  assert.deepEqual(texts(written('abc\b\bX')), ['aX']);
});

test('a sequence that never ends does not swallow the output', () => {
  const shown = texts(written(`\u001b]0;${'x'.repeat(2000)}`, '\nafter')).at(-1);
  assert.equal(shown, 'after');
  assert.equal(texts(written(`\u001b[${'1;'.repeat(1000)}`, '\nafter')).at(-1), 'after');
});

test('a very long line is cut and says so', () => {
  const lines = written('x'.repeat(MAX_LINE_CHARS), 'y'.repeat(1_000_000), '\nnext');
  assert.equal(lines.lines[0]?.chars, MAX_LINE_CHARS);
  assert.equal(lines.lines[0]?.cut, true);
  assert.equal(texts(lines)[1], 'next');
});

test('dropped lines keep their numbers', () => {
  const lines = written(Array.from({ length: 100 }, (_, at) => `line ${at}`).join('\n'));
  assert.equal(lines.trim(10), 90);
  assert.equal(lines.lines[0]?.index, 90);
  assert.equal(lines.count, 100);
  lines.write('\nmore');
  assert.equal(lines.lines.at(-1)?.index, 100);
});

test('100,000 lines are read in well under a second', () => {
  const chunk = Array.from(
    { length: 1000 },
    (_, at) => `\u001b[32mok\u001b[0m ${at} something that ran\n`,
  ).join('');
  const lines = new AnsiLines();
  const start = performance.now();
  for (let at = 0; at < 100; at++) {
    lines.write(chunk);
    lines.trim(1000);
  }
  assert.ok(performance.now() - start < 1500);
  assert.equal(lines.count, 100_001);
});
