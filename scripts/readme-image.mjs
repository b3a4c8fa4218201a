/**
 * `node scripts/readme-image.mjs`: takes the newest screenshot of the e2e tests into the README. Only
 * run by hand, so that no test changes what is tracked.
 */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './ensure-install.mjs';

const from = join(ROOT, 'test-output/e2e/task-dark.png');
if (!existsSync(from)) throw new Error('Run npm run test:e2e first.');
mkdirSync(join(ROOT, 'docs/images'), { recursive: true });
copyFileSync(from, join(ROOT, 'docs/images/task-page.png'));
console.log('docs/images/task-page.png');
