import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileReference, parseInline, parseMarkdown } from '../../../webview/markdown/parse.ts';

test('blocks: headings, paragraphs, code, quotes, rules', () => {
  const kinds = parseMarkdown('# One\n\ntext\nmore\n\n```ts\nconst a = 1;\n```\n> said\n\n---\n').map(
    ({ kind }) => kind,
  );
  assert.deepEqual(kinds, ['heading', 'paragraph', 'code', 'quote', 'rule']);
});

test('code is kept as it is, also when its fence never ends', () => {
  assert.deepEqual(parseMarkdown('```js\n<b>*x*\n\n  y'), [
    { kind: 'code', language: 'js', text: '<b>*x*\n\n  y' },
  ]);
  assert.deepEqual(parseMarkdown('~~~~\n```\n~~~~'), [{ kind: 'code', language: '', text: '```' }]);
});

test('lists nest, are numbered, and have check boxes', () => {
  const [list] = parseMarkdown('- a\n  1. one\n  2. two\n- [x] b\n- [ ] c');
  assert.equal(list?.kind, 'list');
  if (list?.kind !== 'list') return;
  assert.equal(list.items.length, 3);
  assert.deepEqual(
    list.items.map(({ done }) => done),
    [undefined, true, false],
  );
  const inner = list.items[0]?.blocks[1];
  assert.equal(inner?.kind === 'list' && inner.ordered && inner.items.length, 2);
});

test('a list may start at another number and hold blank lines', () => {
  const [list] = parseMarkdown('3. three\n\n4. four\n\n   and more');
  assert.ok(list?.kind === 'list' && list.start === 3 && list.items.length === 2);
  assert.equal(list.items[1]?.blocks.length, 2);
});

test('tables have a head and rows', () => {
  const [table] = parseMarkdown('| a | b |\n|---|:-:|\n| 1 | `x\\|y` |');
  assert.ok(table?.kind === 'table');
  assert.equal(table.head.length, 2);
  assert.deepEqual(table.rows[0]?.[1], [{ kind: 'code', text: 'x|y' }]);
});

test('HTML stays text', () => {
  assert.deepEqual(parseMarkdown('<img src=x onerror=alert(1)>'), [
    { kind: 'paragraph', children: [{ kind: 'text', text: '<img src=x onerror=alert(1)>' }] },
  ]);
});

test('only http(s) and files of the repository become links', () => {
  for (const href of [
    'javascript:alert(1)',
    'command:x',
    'data:text/html,x',
    'file:///etc/passwd',
    'vscode://x',
    '//e.com/x',
  ]) {
    assert.deepEqual(
      parseInline(`[go](${href})`).filter(({ kind }) => kind !== 'text'),
      [],
      href,
    );
  }
  assert.deepEqual(parseInline('[go](https://e.com/a)'), [
    { kind: 'link', href: 'https://e.com/a', children: [{ kind: 'text', text: 'go' }] },
  ]);
  assert.deepEqual(parseInline('[t](src/a.ts:41)'), [
    { kind: 'file', path: 'src/a.ts', line: 41, label: 't', code: false },
  ]);
});

test('bare addresses become links without the sentence’s full stop', () => {
  const [, link, rest] = parseInline('See https://e.com/a_b?c=1.');
  assert.deepEqual(link, {
    kind: 'link',
    href: 'https://e.com/a_b?c=1',
    children: [{ kind: 'text', text: 'https://e.com/a_b?c=1' }],
  });
  assert.deepEqual(rest, { kind: 'text', text: '.' });
});

test('citations and code with a line are places in files', () => {
  assert.deepEqual(parseInline('\u3010F:src/money.ts\u2020L12-L20\u3011'), [
    { kind: 'file', path: 'src/money.ts', line: 12, endLine: 20, label: 'money.ts:12', code: false },
  ]);
  assert.deepEqual(parseInline('`src/a.ts:41`'), [
    { kind: 'file', path: 'src/a.ts', line: 41, label: 'src/a.ts:41', code: true },
  ]);
  assert.deepEqual(parseInline('`src/a.ts`'), [{ kind: 'code', text: 'src/a.ts' }]);
});

test('a place that is named in a sentence is a link to it, and a command to what it printed', () => {
  assert.deepEqual(parseInline('See src/a.ts:41-52, or README.md:3 ([command 2]).'), [
    { kind: 'text', text: 'See ' },
    { kind: 'file', path: 'src/a.ts', line: 41, endLine: 52, label: 'src/a.ts:41-52', code: false },
    { kind: 'text', text: ', or ' },
    { kind: 'file', path: 'README.md', line: 3, label: 'README.md:3', code: false },
    { kind: 'text', text: ' (' },
    { kind: 'command', number: 2 },
    { kind: 'text', text: ').' },
  ]);
  assert.deepEqual(parseInline('**.github/ci.yml:1** and `lib/x.c:7-9`'), [
    {
      kind: 'strong',
      children: [{ kind: 'file', path: '.github/ci.yml', line: 1, label: '.github/ci.yml:1', code: false }],
    },
    { kind: 'text', text: ' and ' },
    { kind: 'file', path: 'lib/x.c', line: 7, endLine: 9, label: 'lib/x.c:7-9', code: true },
  ]);
});

test('what only looks like a place stays text', () => {
  for (const text of [
    'localhost:8080',
    'example.com:443',
    '127.0.0.1:80',
    'at 10:30-11:00',
    'node:24',
    'ratio 16:9',
    '/etc/passwd:1',
    '../x.ts:1',
    'a/../../x.ts:1',
    '~/x.ts:1',
    'C:/x.ts:1',
    'git@host.xz:1/x',
    'urn:a.b:1:2',
    '[command x]',
    '[command 0]',
  ])
    assert.deepEqual(parseInline(text), [{ kind: 'text', text }], text);
  assert.deepEqual(parseInline('[a.ts:1 here](https://e.com/)'), [
    { kind: 'link', href: 'https://e.com/', children: [{ kind: 'text', text: 'a.ts:1 here' }] },
  ]);
});

test('a file reference never leaves the repository', () => {
  for (const path of [
    '/etc/passwd',
    '../x.ts',
    'a/../../x.ts',
    'C:\\x',
    'a\\..\\b.ts',
    'localhost:8080',
    'note:12',
  ]) {
    assert.equal(fileReference(path), null, path);
  }
  assert.deepEqual(fileReference('./a/b.ts#L7'), { path: 'a/b.ts', line: 7 });
  assert.deepEqual(fileReference('a/b.ts:7:3'), { path: 'a/b.ts', line: 7 });
});

test('emphasis leaves snake_case and arithmetic alone', () => {
  assert.deepEqual(parseInline('snake_case_name 2*3*4 a * b'), [
    { kind: 'text', text: 'snake_case_name 2*3*4 a * b' },
  ]);
  assert.deepEqual(
    parseInline('**b** _i_ ~~s~~').map(({ kind }) => kind),
    ['strong', 'text', 'em', 'text', 'strike'],
  );
});

test('hostile input is read in linear time and bounded depth', () => {
  const start = performance.now();
  parseMarkdown('['.repeat(50_000));
  parseMarkdown('*a '.repeat(50_000));
  parseMarkdown('`'.repeat(50_000));
  parseMarkdown('> '.repeat(20_000));
  parseMarkdown(`${'- '.repeat(5_000)}x`);
  parseMarkdown('**'.repeat(20_000));
  parseMarkdown('_'.repeat(20_000));
  parseMarkdown('a/'.repeat(50_000));
  parseMarkdown('a.'.repeat(50_000));
  parseMarkdown('a:1'.repeat(50_000));
  parseMarkdown('[command 1'.repeat(20_000));
  parseMarkdown('|-'.repeat(20_000) + '\n' + '|-'.repeat(20_000));
  assert.ok(performance.now() - start < 4000, `${performance.now() - start} ms`);
});
