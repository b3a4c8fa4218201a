import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ROOT, SHIPPED, sourceFiles } from './imports.ts';

/** A file longer than this is usually two; one that is not stands here with its reason. */
const MAX_LINES = 350;
const LONG_FILES: Record<string, string> = {
  'protocol/peer.ts': 'both ends of one protocol, which are read against each other',
  'client/patch/parse.ts': 'one grammar, read from top to bottom',
  'server/model/scripted/schema.ts': 'one schema, read beside the one of the package',
  'test/integration/agent/wire.test.ts': 'the same cases for each way that events travel',
  'test/attacks/egress/attempts/requests.ts': 'a table: one row per attempt',
  'test/integration/agent/loop.test.ts': 'cases of one loop',
  'test/unit/apply/apply.test.ts': 'cases of one function',
};

test('no file is longer than it has a reason to be', () => {
  const long = sourceFiles([...SHIPPED, 'scripts', 'test'])
    .filter((file) => file.lines > MAX_LINES && !(file.path in LONG_FILES))
    .map((file) => `${file.path}: ${file.lines} lines`);
  assert.deepEqual(long, []);
});

test('no exception for a long file outlives it', () => {
  const files = new Map(sourceFiles([...SHIPPED, 'scripts', 'test']).map((file) => [file.path, file.lines]));
  const stale = Object.keys(LONG_FILES).filter((path) => (files.get(path) ?? 0) <= MAX_LINES);
  assert.deepEqual(stale, []);
});

/** What only holds on one machine: folders of people, temporary folders by name, package mirrors. */
const MACHINE = [
  /\/(?:root|home\/[a-z][\w-]*|Users\/[a-z][\w-]*)\/(?!\.\.\.)[\w.]/,
  /\/work\/(?:main|shared)\b/,
  /https?:\/\/(?:localhost|127\.0\.0\.1|10\.|192\.168\.)[^\s'"`]*\/(?:npm|registry|repository|debian)\b/,
];
/** Files of ours that speak of such paths: their subject, or paths inside a container. */
const MAY_NAME_PATHS =
  /^test\/(unit\/layout|fixtures|integration\/sandbox|attacks\/secrets)\/|^test\/unit\/sandbox\/local-pure/;

function trackedFiles(): string[] {
  return execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)));
}

function readText(path: string): string | null {
  const bytes = readFileSync(join(ROOT, path));
  return bytes.subarray(0, 8000).includes(0) ? null : bytes.toString('utf8');
}

test('nothing that is tracked names a path of one machine or a mirror', () => {
  const found: string[] = [];
  for (const path of trackedFiles()) {
    if (MAY_NAME_PATHS.test(path)) continue;
    const lines = readText(path)?.split('\n') ?? [];
    lines.forEach((line, index) => {
      if (MACHINE.some((pattern) => pattern.test(line)))
        found.push(`${path}:${index + 1}: ${line.trim().slice(0, 120)}`);
    });
  }
  assert.deepEqual(found, []);
});

test('the lock file takes packages from the public registry only', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { resolved?: string }>;
  };
  const elsewhere = Object.entries(lock.packages)
    .filter(
      ([, entry]) =>
        entry.resolved !== undefined && !entry.resolved.startsWith('https://registry.npmjs.org/'),
    )
    .map(([name, entry]) => `${name}: ${entry.resolved}`);
  assert.deepEqual(elsewhere, []);
});

test('nothing that is built or installed is tracked', () => {
  const wrong = trackedFiles().filter((path) =>
    /^(dist|node_modules|test-output)\/|\.vsix$|\.log$/.test(path),
  );
  assert.deepEqual(wrong, []);
});
