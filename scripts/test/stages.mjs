/** The stages of the tests: which files, how many at a time, and how long one test may take. */
import { globSync } from 'node:fs';
import { join } from 'node:path';

/** In the order they run: the quick and telling ones first. */
const STAGES = [
  { name: 'unit', patterns: ['test/unit/**/*.test.ts'], concurrency: 2, timeoutMs: 30_000 },
  {
    name: 'integration',
    patterns: ['test/{integration,faults,fuzz}/**/*.test.ts'],
    concurrency: 2,
    timeoutMs: 120_000,
  },
  // Alone: it measures how much memory is taken, and the machine is busy with it.
  { name: 'load', patterns: ['test/load/**/*.test.ts'], concurrency: 1, timeoutMs: 180_000 },
  // One at a time: what an attempt may take is measured, and one that hangs must not be the machine's fault.
  { name: 'attacks', patterns: ['test/attacks/**/*.test.ts'], concurrency: 1, timeoutMs: 180_000 },
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
  for (const name of names) {
    if (!STAGES.some((stage) => stage.name === name)) {
      throw new Error(
        `There is no stage ${name}; there are ${STAGES.map((stage) => stage.name).join(', ')}.`,
      );
    }
  }
  return STAGES.filter((stage) => (names.length > 0 ? names.includes(stage.name) : !stage.optional)).map(
    (stage) => ({
      ...stage,
      files: globSync(stage.patterns, { cwd: root })
        .sort()
        .map((file) => join(root, file)),
    }),
  );
}
