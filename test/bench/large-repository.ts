/** Cold and warm starts with a repository of 1 GB: random bytes in large files, and text in small ones. */
import { randomBytes } from 'node:crypto';
import { keptRepository, text, type Content } from './repositories.lib.ts';
import { measureStarts, SETUP_SCRIPT, START_SCRIPT } from './starts.lib.ts';
import { openBench } from './tasks.lib.ts';

const MIB = 1024 * 1024;
const LARGE_FILES = 22;
const LARGE_BYTES = 40 * MIB;
const SMALL_FILES = 3_000;
const SMALL_BYTES = 64 * 1024;

function* files(): Iterable<Content> {
  yield { name: '.gitignore', bytes: Buffer.from('node_modules/\n') };
  for (let at = 0; at < LARGE_FILES; at++)
    yield { name: `assets/part${at}.bin`, bytes: randomBytes(LARGE_BYTES) };
  for (let at = 0; at < SMALL_FILES; at++)
    yield { name: `src/part${at % 50}/file${at}.ts`, bytes: text(SMALL_BYTES) };
}

const folder = await keptRepository('1-gb.git', files);
const bench = await openBench({ script: START_SCRIPT });
try {
  await bench.put({ name: 'bench', setup: SETUP_SCRIPT });
  const repo = await bench.push(folder, 'large');
  await measureStarts(bench, { repo, environment: 'bench' }, '1-gb', {
    colds: 1,
    warms: 3,
    warmBudgetMs: null,
  });
} finally {
  await bench.close();
}
