import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Report } from '../../../protocol/report.ts';
import { readReport } from '../../../server/agent/report.ts';
import { ReportFilter, splitReport } from '../../../server/agent/report-block.ts';

const WORKDIR = '/workspace/repo';
const read = (text: string) => readReport(text, WORKDIR);
const block = (json: unknown, fence = '```') =>
  `${fence}codex-report\n${typeof json === 'string' ? json : JSON.stringify(json, null, 2)}\n${fence}`;
const followUp = { title: 'Mend it', prompt: 'Mend the sum in src/sum.mjs.' };
const finding = {
  title: 'It breaks',
  body: 'With an empty list it throws.',
  priority: 1,
  confidence: 0.9,
  path: 'src/sum.mjs',
  startLine: 3,
  endLine: 4,
};
const nothing = { followUps: [], findings: [], checks: [] };

test('an answer without a block is only text, byte for byte', () => {
  for (const text of [
    '',
    'Done.',
    'Done.\n\n```ts\nconst a = 1;\n```\n',
    '`codex-report` is a word',
    '```',
  ]) {
    assert.deepEqual(read(text), { text });
  }
});

test('the block is taken from the end, and the text is what stood before it', () => {
  const answer = read(`It is *done*.\n\n${block({ followUps: [followUp] })}\n  \n`);
  assert.deepEqual(answer, { text: 'It is *done*.', report: { ...nothing, followUps: [followUp] } });
});

test('all parts of a report are read', () => {
  const report = {
    followUps: [followUp],
    findings: [finding],
    checks: [{ command: 'npm test', outcome: 'failed', note: 'two of them failed before' }],
    verdict: { correct: false, explanation: 'It throws.', confidence: 0.8 },
    proposal: { title: 'Mend the sum', body: '## Why\n\nIt was wrong.' },
    reviewed: { base: 'a'.repeat(40), head: 'worktree' },
  };
  assert.deepEqual(read(block(report)), { text: '', report });
});

const TOLERATED: [what: string, text: string][] = [
  ['text after it', `Before.\n${block({ followUps: [followUp] })}\nAfter.`],
  ['no closing fence', `Before.\n\`\`\`codex-report\n${JSON.stringify({ followUps: [followUp] })}`],
  ['a longer fence', `Before.\n${block({ followUps: [followUp] }, '`````')}`],
  ['a fence of tildes', `Before.\n${block({ followUps: [followUp] }, '~~~')}`],
  ['a space before the name', `Before.\n${block({ followUps: [followUp] }).replace('```c', '``` c')}`],
  ['ends of lines as on Windows', `Before.\n${block({ followUps: [followUp] })}`.replaceAll('\n', '\r\n')],
  ['a comma too many', `Before.\n${block(`{"followUps": [${JSON.stringify(followUp)},],}`)}`],
  ['a block before it', `Before.\n${block({ followUps: [] })}\n${block({ followUps: [followUp] })}`],
  ['another fence before it', `Before.\n~~~\n${block('{}')}\n~~~\n${block({ followUps: [followUp] })}`],
];
for (const [what, text] of TOLERATED) {
  test(`a report is read that has ${what}`, () => {
    const answer = read(text);
    assert.deepEqual(answer.report?.followUps, [followUp]);
    assert.match(answer.text, /^Before\./);
    assert.doesNotMatch(answer.text, /Mend it/);
  });
}

test('a block inside another fence is an example, not a report', () => {
  const text = `So it looks:\n\`\`\`\`markdown\n${block({ followUps: [followUp] })}\n\`\`\`\``;
  assert.deepEqual(read(text), { text });
});

test('a block that is no JSON stays in the answer for the person', () => {
  const answer = read(`Done.\n${block('{"findings": [{"title": "It breaks')}`);
  assert.equal(answer.report, undefined);
  assert.match(answer.text, /^Done\.\n\n```json\n\{"findings": \[\{"title": "It breaks\n```$/);
  assert.deepEqual(read(`Done.\n${block('')}`), { text: 'Done.' });
  const two = read(`Done.\n${block({ followUps: [followUp] })}\n${block('oops')}`);
  assert.deepEqual(two, {
    text: 'Done.\n\n```json\noops\n```',
    report: { ...nothing, followUps: [followUp] },
  });
});

test('an entry that does not fit is dropped by itself', () => {
  const checks = [
    { command: 'npm test', outcome: 'passed' },
    { command: 'npm run lint', outcome: 'green' },
    { command: '', outcome: 'passed' },
    'npm run build',
    null,
    { command: 'make', outcome: 'notRun', note: null },
  ];
  assert.deepEqual(read(block({ checks, followUps: 'none', verdict: { correct: 'yes' } })).report, {
    ...nothing,
    checks: [
      { command: 'npm test', outcome: 'passed' },
      { command: 'make', outcome: 'notRun' },
    ],
  });
});

test('what is said differently is taken as meant', () => {
  const { report } = read(
    block({
      findings: [
        { ...finding, priority: 'P2', path: `${WORKDIR}/src/sum.mjs` },
        { ...finding, priority: '[P0]', path: './src/../src/sum.mjs', startLine: 9, endLine: 7 },
        { ...finding, startLine: undefined, endLine: undefined, line: 5, confidence: undefined },
        { ...finding, title: 'x'.repeat(500) },
      ],
    }),
  );
  assert.deepEqual(
    report?.findings.map(({ path, priority, startLine, endLine, title }) => [
      path,
      priority,
      startLine,
      endLine,
      title.length,
    ]),
    [
      ['src/sum.mjs', 2, 3, 4, 9],
      ['src/sum.mjs', 0, 7, 9, 9],
      ['src/sum.mjs', 1, 5, 5, 9],
      ['src/sum.mjs', 1, 3, 4, 120],
    ],
  );
});

test('a finding that cannot be kept as one stays readable in the answer', () => {
  const answer = read(
    `Two things.\n\n${block({
      findings: [
        finding,
        { ...finding, title: 'Outside', path: '/etc/passwd' },
        { ...finding, title: 'Above', path: '../other/file.ts' },
        { ...finding, title: 'Without lines', startLine: null, endLine: null },
        { ...finding, title: 'Grave', priority: 7 },
        'Only a sentence.',
        {},
      ],
    })}`,
  );
  assert.deepEqual(answer.report?.findings, [finding]);
  for (const told of ['Outside', '/etc/passwd:3', 'Above', 'Without lines', 'Grave', 'Only a sentence.']) {
    assert.ok(answer.text.includes(told), told);
  }
  assert.match(answer.text, /^Two things\.\n\n## Further findings\n/);
});

test('more findings than a report holds are told in the text', () => {
  const findings = Array.from({ length: 60 }, (_, at) => ({ ...finding, title: `Finding ${at}` }));
  const answer = read(block({ findings }));
  assert.equal(answer.report?.findings.length, 50);
  for (let at = 50; at < 60; at++) assert.ok(answer.text.includes(`Finding ${at}`));
});

test('a stream never shows a block, however it is cut, and shows all else', () => {
  const texts = [
    ...TOLERATED.map(([, text]) => text),
    `Code:\n\`\`\`ts\nconst a = \`b\`;\n\`\`\`\nand \`\`\`codex\n${block({})}`,
    `\n   \n\`\`\`codex-reporting\nno report\n\`\`\`\n\n${block('{"a": "```"}')}`,
    'one line with ``` in it\n    ```codex-report\n    indented code\n',
    '``` ```codex-report\nno fence',
  ];
  for (const text of texts) {
    const whole = splitReport(`${text}\n`).text.trimEnd();
    for (const size of [1, 2, 3, 7, 48, text.length]) {
      const filter = new ReportFilter();
      let shown = '';
      for (let at = 0; at < text.length; at += size) shown += filter.push(text.slice(at, at + size));
      // What is held back at the end is a line that might have become a block's first.
      shown += filter.push('\n');
      assert.equal(shown.trimEnd(), whole, JSON.stringify([text, size]));
    }
  }
});

test('text that is no report comes through at once', () => {
  const filter = new ReportFilter();
  assert.equal(filter.push('I look'), 'I look');
  assert.equal(filter.push(' at it.\n'), ' at it.\n');
  assert.equal(filter.push('``'), '');
  assert.equal(filter.push('`ts\nlet'), '```ts\nlet');
  assert.equal(filter.push(' a;\n```\n```codex-re'), ' a;\n```\n');
  assert.equal(filter.push('port\n{"followUps": []}\n```\nEnd'), 'End');
});

/** A generator of its own, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('whatever a model writes is read without an exception, and what comes out fits the schema', () => {
  const words = ['```', '~~~', 'codex-report', '\n', '{', '}', '[', ']', '"findings"', ':', ',', 'null', '1e9',
    '"path"', '"/workspace/repo/a"', '"..\\u0000"', '\ud800', '\0', '"title"', '"__proto__"', '-1', '"P9"', ' ']; // prettier-ignore
  const values: unknown[] = [
    null,
    -1,
    1e308,
    NaN,
    '',
    'x'.repeat(20_000),
    [],
    [[]],
    {},
    true,
    '\ud800',
    '../..',
  ];
  for (let seed = 1; seed <= 150; seed++) {
    const next = random(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
    const noise = Array.from({ length: Math.floor(next() * 60) }, () => pick(words)).join('');
    const some = () => Object.fromEntries(Object.keys(finding).map((key) => [key, next() < 0.6 ? finding[key as 'path'] : pick(values)])); // prettier-ignore
    const json = {
      findings: next() < 0.1 ? pick(values) : [some(), pick(values), some()],
      followUps: [some(), pick(values)],
      checks: pick(values),
      verdict: pick(values),
      proposal: some(),
      reviewed: some(),
    };
    for (const text of [noise, `${noise}\n${block(json)}`, `${block(json)}${noise}`, block(noise)]) {
      const answer = read(text);
      assert.equal(typeof answer.text, 'string');
      if (answer.report) assert.deepEqual(Report.parse(answer.report), answer.report);
      // A database takes neither.
      const stored = JSON.stringify(answer.report ?? {});
      assert.ok(!/\\u0000|\\ud[89a-f]/i.test(stored), `seed ${seed}: ${stored}`);
      const again = read(answer.text);
      assert.equal(again.report, undefined, `seed ${seed}: a block is left in the text`);
    }
  }
});
