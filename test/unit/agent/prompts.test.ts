/**
 * The prompts as they go out, one fixture per mode and sandbox condition. After a change of a text raise
 * `PROMPT_VERSION` and run this file with UPDATE_PROMPTS=1.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { build, type Plugin } from 'esbuild';
// @ts-expect-error -- plain JavaScript, as the bundler's configuration is
import { prompts } from '../../../scripts/prompts-plugin.mjs';
import { instructions, prompt, PROMPT_VERSION } from '../../../server/agent/instructions.ts';
import { linkedText } from '../../../server/agent/linked.ts';
import { templateMessage } from '../../../server/agent/pull-request-template.ts';
import { PROMPTS } from '../../../server/agent/prompts/files.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/prompts');
const UPDATE = process.env['UPDATE_PROMPTS'] === '1';

const base = { workdir: '/workspace/repo', commandTimeoutMs: 600_000 } as const;
const sha = (digit: string) => digit.repeat(40);

const SHOWN: Record<string, string> = {
  title: prompt('title'),
  linked: linkedText(
    [
      {
        kind: 'text',
        url: 'https://github.com/acme/shop/issues/7',
        what: 'issue acme/shop#7 at github.com',
        text: 'Title: The sum is wrong',
      },
      {
        kind: 'file',
        url: 'https://github.com/acme/shop/pull/8.diff',
        file: { name: 'acme-shop-8-00000000.diff', sha256: '0'.repeat(64) },
        path: '/run/codex/links/acme-shop-8-00000000.diff',
        bytes: 1234,
      },
      { kind: 'unread', url: 'https://github.com/acme/other/issues/9', why: 'gone' },
    ],
    () => '5f3e0c7a9d1b2e4f6a8c0d2e',
  ),
  'pull-request-template': templateMessage({
    path: '.github/pull_request_template.md',
    text: '## What\n\n## How it was checked',
  }),
  'review-off-local': instructions({
    ...base,
    mode: 'review',
    internet: 'off',
    change: { kind: 'local', base: sha('1') },
  }),
  'review-off-branch': instructions({
    ...base,
    mode: 'review',
    internet: 'off',
    change: { kind: 'branch', base: sha('1'), head: sha('2') },
  }),
  'review-off-commit': instructions({
    ...base,
    mode: 'review',
    internet: 'off',
    change: { kind: 'commit', head: sha('2') },
  }),
};
for (const mode of ['ask', 'code', 'review'] as const) {
  for (const internet of ['off', 'limited', 'on'] as const) {
    SHOWN[`${mode}-${internet}`] = instructions({ ...base, mode, internet });
  }
}

const hash = createHash('sha256').update(JSON.stringify(PROMPTS)).digest('hex');
const stored = () =>
  JSON.parse(readFileSync(join(FIXTURES, 'version.json'), 'utf8')) as { version: number; sha256: string };

if (UPDATE) {
  const before = stored();
  assert.ok(
    before.sha256 === hash || before.version < PROMPT_VERSION,
    'A text changed: raise PROMPT_VERSION.',
  );
  for (const name of readdirSync(FIXTURES)) rmSync(join(FIXTURES, name));
  for (const [name, text] of Object.entries(SHOWN)) writeFileSync(join(FIXTURES, `${name}.txt`), `${text}\n`);
  const version = JSON.stringify({ version: PROMPT_VERSION, sha256: hash }, null, 2);
  writeFileSync(join(FIXTURES, 'version.json'), `${version}\n`);
}

test('a text changes only together with the version', () => {
  assert.deepEqual({ version: PROMPT_VERSION, sha256: hash }, stored());
});

test('there is a fixture for every combination, and no other', () => {
  const names = Object.keys(SHOWN).map((name) => `${name}.txt`);
  assert.deepEqual(readdirSync(FIXTURES).sort(), [...names, 'version.json'].sort());
});

for (const [name, text] of Object.entries(SHOWN)) {
  test(`the prompt ${name} is as it was looked at`, () => {
    assert.equal(`${text}\n`, readFileSync(join(FIXTURES, `${name}.txt`), 'utf8'));
  });
}

test('every text is used, and no place in one stays open', () => {
  const all = Object.values(SHOWN).join('\n');
  for (const [name, text] of Object.entries(PROMPTS)) {
    const line = text.split('\n').find((one) => one.length > 20 && !one.includes('{{'));
    if (line !== undefined) assert.ok(all.includes(line), `${name}.md is in no prompt`);
  }
  assert.doesNotMatch(all, /\{\{/);
  assert.throws(() => prompt('where', { workdir: '/workspace/repo' }), /internet/);
  assert.throws(() => prompt('no-such-prompt'), /no-such-prompt/);
});

test('a path in a prompt is filled in as it is', () => {
  const text = prompt('where', { workdir: '/workspace/$&{{internet}}', internet: 'None.' });
  assert.ok(text.includes('/workspace/$&{{internet}};'));
});

test('what ships has the same texts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codex-prompts-'));
  try {
    const outfile = join(folder, 'files.mjs');
    await build({
      entryPoints: [join(import.meta.dirname, '../../../server/agent/prompts/files.ts')],
      plugins: [prompts as Plugin],
      bundle: true,
      format: 'esm',
      platform: 'node',
      charset: 'utf8',
      outfile,
    });
    const shipped = (await import(pathToFileURL(outfile).href)) as { PROMPTS: unknown };
    assert.deepEqual(shipped.PROMPTS, PROMPTS);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
