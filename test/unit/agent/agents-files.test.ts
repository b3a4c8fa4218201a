import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  agentsMessage,
  deeperThan,
  readAgentsFiles,
  withinBudget,
} from '../../../server/agent/agents-files.ts';
import { names, touchedFiles } from '../../../server/agent/deeper-files.ts';
import type { ResponseItem } from '../../../server/model/model.ts';

const workdir = '/workspace/shop';

/** A sandbox of files; what is no regular file is null there. */
function sandbox(files: Record<string, string | Buffer>) {
  return {
    workdir,
    get: async (path: string, maxBytes: number) => {
      const content = files[path.slice(workdir.length + 1)];
      return content === undefined ? null : Buffer.from(content).subarray(0, maxBytes);
    },
  };
}

const of = (
  files: Record<string, string | Buffer>,
  more: { folder?: string; fallbacks?: string[]; global?: string; max?: number } = {},
) =>
  readAgentsFiles(
    sandbox(files),
    {
      global: more.global === undefined ? null : { path: 'the owner’s AGENTS.md', text: more.global },
      fallbacks: more.fallbacks ?? [],
      folder: more.folder ?? '',
      inRepository: async () => Object.keys(files),
    },
    more.max ?? 1_000,
  );

test('the owner’s comes first, then from the root down to the working folder', async () => {
  const files = { 'AGENTS.md': 'root', 'a/AGENTS.md': 'a', 'a/b/AGENTS.md': 'b', 'a/b/c/AGENTS.md': 'c' };
  const { parts, deeper } = await of(files, { folder: 'a/b', global: 'owner' });
  assert.deepEqual(
    parts.map(({ path, text }) => [path, text]),
    [
      ['the owner’s AGENTS.md', 'owner'],
      ['AGENTS.md', 'root'],
      ['a/AGENTS.md', 'a'],
      ['a/b/AGENTS.md', 'b'],
    ],
  );
  assert.deepEqual(deeper, ['a/b/c/AGENTS.md']);
  const message = agentsMessage(workdir, { parts, deeper }) ?? '';
  assert.ok(message.indexOf('owner') < message.indexOf('root'));
  assert.match(message, /told to you when a command touches one of them:\n- a\/b\/c\/AGENTS.md/);
});

test('in a folder the override wins, then AGENTS.md, then a fallback; an empty one counts as none', async () => {
  const files = {
    'AGENTS.override.md': ' \n',
    'AGENTS.md': 'agents',
    'CLAUDE.md': 'claude',
    'a/AGENTS.override.md': 'override',
    'a/AGENTS.md': 'agents',
    'a/b/.cursorrules': 'cursor',
    'a/b/CLAUDE.md': '\ufeff',
  };
  const fallbacks = ['CLAUDE.md', '.cursorrules'];
  const { parts } = await of(files, { folder: 'a/b', fallbacks });
  assert.deepEqual(
    parts.map(({ path }) => path),
    ['AGENTS.md', 'a/AGENTS.override.md', 'a/b/.cursorrules'],
  );
  assert.deepEqual(
    (await of(files, { folder: 'a/b' })).parts.map(({ path }) => path),
    ['AGENTS.md', 'a/AGENTS.override.md'],
    'without the setting, others’ files count for nothing',
  );
});

test('one file of each deeper folder is announced, the one that would count', () => {
  const paths = ['AGENTS.md', 'b/CLAUDE.md', 'b/AGENTS.md', 'c/AGENTS.override.md', 'c/AGENTS.md', 'd/x.md'];
  assert.deepEqual(deeperThan(paths, [''], ['CLAUDE.md']), ['b/AGENTS.md', 'c/AGENTS.override.md']);
});

test('what is too long is cut from the root’s side, between characters, with a mark that names the file', () => {
  const bytes = (text: string) => Buffer.from(text);
  const parts = withinBudget(
    [
      { path: 'global', bytes: bytes('g'.repeat(10)) },
      { path: 'AGENTS.md', bytes: bytes('ä'.repeat(10)) },
      { path: 'a/AGENTS.md', bytes: bytes('a'.repeat(9)) },
    ],
    20,
  );
  assert.equal(parts[2]?.text, 'a'.repeat(9));
  assert.deepEqual(parts[1]?.cut, { path: 'AGENTS.md', keptBytes: 10 });
  assert.match(
    parts[1]?.text ?? '',
    /^ä{5}\n\[… AGENTS.md is cut here, since 20 bytes are used up: read the file/,
  );
  assert.ok(parts[0]?.cut && parts[0].cut.keptBytes <= 1);
});

test('broken text, a limit of nothing and no file at all are no problem', async () => {
  const { parts } = await of({ 'AGENTS.md': Buffer.from([0x61, 0xff, 0x00, 0x62]) });
  assert.equal(parts[0]?.text, 'a\ufffd\ufffdb');
  assert.equal(agentsMessage(workdir, await of({})), null);
});

const call = (command: string, more: object = {}): ResponseItem => ({
  type: 'function_call',
  call_id: 'c',
  name: 'shell',
  arguments: JSON.stringify({ command, ...more }),
});

test('a command touches a folder by its path, wherever it stands in it', () => {
  const touches = (item: ResponseItem) => names(JSON.stringify(item), 'packages/ui', workdir);
  for (const command of [
    'cat packages/ui/src/a.ts',
    'ls ./packages/ui',
    'ls "packages/ui"',
    `sed -n 1p ${workdir}/packages/ui/x`,
    'cd packages/ui && ls',
    "apply_patch <<'P'\n*** Begin Patch\n*** Update File: packages/ui/a.ts\n@@\n-a\n+b\n*** End Patch\nP",
  ])
    assert.ok(touches(call(command)), command);
  assert.ok(touches(call('ls', { workdir: 'packages/ui' })));
  for (const command of ['cat packages/uix/a', 'cat my-packages/ui/a', 'cat other/packages/ui/a', 'echo ui'])
    assert.ok(!touches(call(command)), command);
});

test('what the model knows already is not told again, until a summary has taken it away', () => {
  const paths = ['a/AGENTS.md'];
  const known = {
    type: 'message',
    role: 'user',
    content: 'x',
    codexAgentsFile: 'a/AGENTS.md',
  } as ResponseItem;
  assert.deepEqual(touchedFiles(paths, [call('ls a/')], 0, workdir), paths);
  assert.deepEqual(touchedFiles(paths, [call('ls a/')], 1, workdir), []);
  assert.deepEqual(touchedFiles(paths, [known, call('ls a/')], 0, workdir), []);
  const summary = { type: 'codexCompaction', items: [] } as unknown as ResponseItem;
  assert.deepEqual(touchedFiles(paths, [known, summary, call('ls a/')], 0, workdir), paths);
});
