/** What a repository may say in `.codex/environment.yaml`, and what is said when it may not. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { errorWords } from '../../../client/words/index.ts';
import { CodexError } from '../../../protocol/errors.ts';
import {
  ENVIRONMENT_FILE_BYTES,
  parseEnvironmentFile,
  readEnvironmentFile,
} from '../../../server/environments/file.ts';

const parse = (text: string) => parseEnvironmentFile(Buffer.from(text));

function refused(text: string | Uint8Array): CodexError {
  try {
    parseEnvironmentFile(Buffer.from(text as string));
  } catch (error) {
    if (error instanceof CodexError) return error;
    throw error;
  }
  throw new Error('taken');
}

test('a whole file is taken', () => {
  const file = `# How this repository is run
version: 1
image: universal
versions: { python: 3.10, node: 22 }
variables:
  PORT: 3000
  DEBUG: true
  EMPTY: ""
  TEXT: "3.10"
workdir: packages/web
commandTimeoutMs: 60000
setup: |
  npm ci
  npm run build
maintenance: ""
`;
  assert.deepEqual(parse(file), {
    image: 'universal',
    versions: { python: '3.10', node: '22' },
    variables: { PORT: '3000', DEBUG: 'true', EMPTY: '', TEXT: '3.10' },
    workdir: 'packages/web',
    commandTimeoutMs: 60_000,
    setup: 'npm ci\nnpm run build\n',
    maintenance: '',
  });
});

test('an empty file, one of comments, and one with its version only set nothing', () => {
  for (const text of ['', '\n\n', '# later\n', '---\n', 'version: 1\n', '{}'])
    assert.deepEqual(parse(text), {});
});

test('a byte order mark and Windows’ line ends are no part of a script', () => {
  assert.deepEqual(parse('\uFEFFsetup: |\r\n  a\r\n  b\r\n'), { setup: 'a\nb\n' });
});

const keys = Array.from({ length: 60_000 }, (_, at) => `k${at}:`).join('\n');
const REFUSED: [string, string, number | undefined, RegExp][] = [
  ['an unknown key', 'version: 1\n\nsetpu: npm ci\n', 3, /^setpu is not known here$/],
  ['a value of another kind', 'image: base\nsetup: [a, b]\n', 2, /^setup must be text$/],
  ['a key without a value', 'setup:\n', 1, /^setup must be text$/],
  ['a list for a whole', '- setup\n', 1, /^must be a list of names/],
  ['a text for a whole', 'npm ci\n', 1, /^must be a list of names/],
  ['a key twice', 'setup: a\nimage: base\nsetup: b\n', 3, /^setup is there twice$/],
  ['a variable twice', 'variables:\n  A: 1\n  A: 2\n', 3, /^A is there twice$/],
  ['another version', '# x\nversion: 2\n', 2, /^version must be 1/],
  ['a version that is text', 'version: "1"\n', 1, /^version must be 1/],
  ['a tab', 'variables:\n\tA: x\n', 2, /[Tt]ab/],
  ['text that is no YAML', 'a: "b\n', 2, /[Mm]issing closing/],
  ['two documents', 'image: base\n---\nimage: universal\n', 2, /multiple documents/],
  ['an alias', 'setup: &a x\nmaintenance: *a\n', 2, /alias/],
  ['a merge', 'variables: &a { A: b }\n<<: *a\n', 2, /alias/],
  ['a tag', 'setup: !!js/function x\n', 1, /[Uu]nresolved tag/],
  ['a variable of ours', 'variables:\n  A: x\n  PATH: /x\n', 3, /^variables.PATH is set by Codex itself$/],
  ['a variable’s name', 'variables:\n  A-B: x\n', 2, /^variables.A-B is no name for a variable/],
  ['a variable without a value', 'variables:\n  A:\n', 2, /^variables.A must be text$/],
  ['an unknown language', 'versions:\n  perl: 5\n', 2, /^versions.perl is not known here$/],
  ['a folder outside', 'workdir: ../other\n', 1, /^workdir must not leave the repository$/],
  ['a time beyond the cap', 'commandTimeoutMs: 99999999999\n', 1, /^commandTimeoutMs is more than 1440 min$/],
  ['a name that is a list', '? [a]\n: b\n', 1, /no text/],
  ['what is deep', 'variables: { A: { B: { C: { D: e } } } }\n', 1, /deep/],
  ['what is very deep', '['.repeat(20_000), undefined, /deep|[Nn]est|flow/],
  ['very many keys', keys, 1, /^k0 is not known here$/],
];
for (const key of [
  'internet',
  'secrets',
  'model',
  'effort',
  'resources',
  'approval',
  'setupTimeoutMs',
  'cacheMs',
  'name',
])
  REFUSED.push([key, `image: base\n${key}: x\n`, 2, new RegExp(`^${key} is set in the backend, not in the`)]);

for (const [what, text, line, problem] of REFUSED) {
  test(`${what} is refused with its line`, () => {
    const started = performance.now();
    const error = refused(text);
    assert.ok(performance.now() - started < 10_000, 'soon');
    assert.equal(error.code, 'environmentFileInvalid');
    assert.match(String(error.wire.params['problem']), problem);
    if (line !== undefined) assert.equal(error.wire.params['line'], line);
    assert.match(errorWords(error.wire).text, /^\.codex\/environment\.yaml(, line \d+)?: .*Correct the file/);
  });
}

test('aliases that would make gigabytes are refused before they are looked into', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghij'.split('').map((name, at) => {
      const before = 'abcdefghij'[at] ?? '';
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`;
    }),
  ].join('\n');
  assert.match(String(refused(bomb).wire.params['problem']), /alias/);
});

test('what is no UTF-8 is refused', () => {
  for (const bytes of [Buffer.from([0x73, 0xff, 0xfe]), Buffer.from('\uFEFFimage: base\n', 'utf16le')])
    assert.equal(refused(bytes).wire.params['problem'], 'is not UTF-8 text');
});

test('a large file is refused by its size', () => {
  const error = refused(Buffer.alloc(ENVIRONMENT_FILE_BYTES + 1, '#'));
  assert.equal(error.wire.params['problem'], 'is larger than 512 KiB');
});

test('the file is read at the commit; a wrong name and a link are told as such', async () => {
  const files = new Map([['.codex/environment.yaml', 'image: universal\n']]);
  const reader = {
    readFile: async (_repoId: string, _sha: string, path: string) => {
      const text = files.get(path);
      if (text === 'link') throw new CodexError('badRequest', { reason: 'notAFile', what: 'symlink' });
      return text === undefined ? null : Buffer.from(text);
    },
  };
  const read = () => readEnvironmentFile(reader, 'abcdefgh', 'a'.repeat(40));
  assert.deepEqual(await read(), { image: 'universal' });
  files.set('.codex/environment.yaml', 'link');
  await assert.rejects(read(), /symbolic link, which is not followed/);
  files.delete('.codex/environment.yaml');
  assert.equal(await read(), null);
  files.set('.codex/environment.yml', 'image: universal\n');
  await assert.rejects(read(), /environment\.yml: is not read under this name/);
});

test('every file that the documentation shows can be read', async () => {
  const page = await readFile(new URL('../../../docs/environments.md', import.meta.url), 'utf8');
  const files = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  assert.ok(files.length >= 5, `only ${files.length} files`);
  for (const text of files) assert.ok(parse(text).setup, text);
});
