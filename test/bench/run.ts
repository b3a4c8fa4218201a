/**
 * `npm run bench [-- --check] [-- NAME…]`: every bench of this folder (or those named), each in a
 * process of its own. One line a figure, `name value unit budget`; a budget is the most it may be, or
 * with `>=` the least, or `-`. With --check the run fails at twice a budget: the machine that checks
 * is shared and noisy.
 *
 * Needs what the benches need: the bundles, Docker, and for a comparison the peer in our cache folder.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';

const BENCH_TIMEOUT_MS = 10 * 60_000;
const TOLERANCE = 2;
const LINE = /^(\S+) (-?[\d.]+) (\S+) (-|(>=)?[\d.]+)$/;

interface Figure {
  name: string;
  value: number;
  unit: string;
  budget: string;
}

const args = process.argv.slice(2);
const check = args.includes('--check');
const wanted = args.filter((word) => !word.startsWith('--'));
const files = globSync('*.ts', { cwd: import.meta.dirname })
  .filter((file) => file !== 'run.ts' && !file.endsWith('.lib.ts'))
  .filter((file) => wanted.length === 0 || wanted.includes(basename(file, '.ts')))
  .sort();

const figures: Figure[] = [];
const broken: string[] = [];
for (const file of files) {
  const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, file)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: BENCH_TIMEOUT_MS,
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const figure = read(line);
    if (figure) figures.push(figure);
    console.log(figure && over(figure, 1) ? `${line}  (over)` : line);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) broken.push(`${file} ended with ${code ?? 'a signal'}`);
}

for (const line of broken) console.log(`! ${line}`);
const bad = figures.filter((figure) => over(figure, TOLERANCE));
if (check)
  for (const { name } of bad) console.log(`! ${name} is more than ${TOLERANCE} times over its budget`);
if (figures.length === 0) console.log('! nothing was measured');
process.exitCode = broken.length > 0 || figures.length === 0 || (check && bad.length > 0) ? 1 : 0;

function read(line: string): Figure | null {
  const match = LINE.exec(line.trim());
  if (!match) return null;
  const [, name = '', value = '', unit = '', budget = '-'] = match;
  return { name, value: Number(value), unit, budget };
}

/** By more than this factor. */
function over({ value, budget }: Figure, factor: number): boolean {
  if (budget === '-') return false;
  if (budget.startsWith('>=')) return value * factor < Number(budget.slice(2));
  return value > Number(budget) * factor;
}
