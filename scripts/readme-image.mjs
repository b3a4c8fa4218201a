/**
 * `node scripts/readme-image.mjs`: takes the newest screenshots of the e2e tests into README and docs.
 * Only run by hand, so that no test changes what is tracked.
 */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './ensure-install.mjs';

const IMAGES = {
  'task-dark.png': 'task-page.png',
  'changes-peek-dark.png': 'review.png',
  'pull-request-feedback-dark.png': 'pull-request.png',
};

mkdirSync(join(ROOT, 'docs/images'), { recursive: true });
for (const [name, image] of Object.entries(IMAGES)) {
  const from = join(ROOT, 'test-output/e2e', name);
  if (!existsSync(from)) throw new Error('Run npm run test:e2e first.');
  copyFileSync(from, join(ROOT, 'docs/images', image));
  console.log(`docs/images/${image}`);
}
