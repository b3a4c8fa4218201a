/** The stages of the tests: which files, how many at a time, and how long one test may take. */
import { globSync } from 'node:fs';
import { join } from 'node:path';

/** They start first, so that none of them is left alone at the end while the other cores wait. */
const LONGEST = [
  'test/faults/',
  'test/integration/agent/approval.test.ts',
  'test/integration/agent/loop.test.ts',
  'test/integration/apply/',
  'test/integration/cli/run.test.ts',
  'test/integration/pipeline/',
  'test/integration/sandbox/docker',
  'test/integration/store/',
  'test/integration/environments/',
];

/** In the order they run: the quick and telling ones first. Two of one name differ in how many run at a time. */
const STAGES = [
  { name: 'unit', patterns: ['test/unit/**/*.test.ts'], concurrency: 2, timeoutMs: 30_000 },
  // As many as there are cores: what is only slow must not look broken.
  {
    name: 'integration',
    patterns: ['test/{integration,faults,fuzz}/**/*.test.ts'],
    concurrency: 2,
    timeoutMs: 150_000,
    first: LONGEST,
  },
  // Alone: it measures how much memory is taken, or is killed all the time, and the machine is busy with it.
  { name: 'load', patterns: ['test/load/**/*.test.ts'], concurrency: 1, timeoutMs: 480_000 },
  {
    name: 'attacks',
    patterns: ['test/attacks/{apply,forge,secrets}/**/*.test.ts'],
    concurrency: 2,
    timeoutMs: 180_000,
    first: ['test/attacks/secrets/given', 'test/attacks/forge/token', 'test/attacks/secrets/'],
  },
  // One at a time: what an attempt may take is measured, and one that hangs must not be the machine's fault.
  {
    name: 'attacks',
    patterns: ['test/attacks/!(apply|forge|secrets)/**/*.test.ts'],
    concurrency: 1,
    timeoutMs: 180_000,
  },
  // One real VS Code at a time: two starve each other on two cores.
  {
    name: 'in-host',
    patterns: ['test/e2e/in-host.test.ts'],
    concurrency: 1,
    timeoutMs: 180_000,
    verbose: true,
  },
  {
    name: 'e2e',
    patterns: ['test/e2e/specs/**/*.test.ts'],
    concurrency: 1,
    timeoutMs: 240_000,
    verbose: true,
  },
  // Builds an image of gigabytes, so it is never part of `npm test`; it prints what that image has.
  {
    name: 'nightly',
    patterns: ['test/nightly/**/*.test.ts'],
    concurrency: 1,
    timeoutMs: 45 * 60_000,
    verbose: true,
    optional: true,
  },
  // Needs the real Codex CLI, so it is never part of `npm test`.
  {
    name: 'peers',
    patterns: ['test/peers/**/*.test.ts'],
    concurrency: 1,
    timeoutMs: 240_000,
    optional: true,
  },
];

/** The named stages with their files (absolute paths), or without names all that are not optional. */
export function selectStages(names, root) {
  const known = new Set(STAGES.map(({ name }) => name));
  for (const name of names) {
    if (!known.has(name)) throw new Error(`There is no stage ${name}; there are ${[...known].join(', ')}.`);
  }
  return STAGES.filter((stage) => (names.length > 0 ? names.includes(stage.name) : !stage.optional)).map(
    (stage) => ({
      ...stage,
      files: inOrder(
        globSync(stage.patterns, { cwd: root }).map((file) => file.replaceAll('\\', '/')),
        stage.first ?? [],
      ).map((file) => join(root, file)),
    }),
  );
}

function inOrder(files, first) {
  const rank = (file) => {
    const at = first.findIndex((start) => file.startsWith(start));
    return at < 0 ? first.length : at;
  };
  return files.sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
}
