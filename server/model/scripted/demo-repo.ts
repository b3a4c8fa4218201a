/** The small repository of the demo: a sum that is wrong for negative numbers, and the test that says so. */
export const DEMO_PROMPT = 'The tests fail. Find out why, fix the code, and add a logo as assets/logo.png.';

export const DEMO_FILES: Readonly<Record<string, string>> = {
  'package.json': `{
  "name": "sums",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": {
    "test": "node --test"
  }
}
`,
  'README.md': `# sums

Adds numbers. \`npm test\` runs the tests.
`,
  'AGENTS.md': `Run \`npm test\` before you are done. No dependencies.
`,
  'src/sum.mjs': `/** The sum of all numbers in the list. */
export function sum(numbers) {
  let total = 0;
  for (const number of numbers) {
    total += Math.abs(number);
  }
  return total;
}
`,
  'test/sum.test.mjs': `import { test } from 'node:test';
import assert from 'node:assert/strict';
import { sum } from '../src/sum.mjs';

test('an empty list sums up to nothing', () => {
  assert.equal(sum([]), 0);
});

test('positive numbers add up', () => {
  assert.equal(sum([1, 2, 3]), 6);
});

test('negative numbers are taken away', () => {
  assert.equal(sum([5, -2, -4]), -1);
});
`,
};
