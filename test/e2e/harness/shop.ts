/** What the specs of reviewing work on: a file with four places far apart, an image, and names to change. */
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { git, write } from '../../support/git.ts';

export const SHOP = 'src/shop.mjs';

const LOGO =
  'iVBORw0KGgoAAAANSUhEUgAAADAAAAAwCAIAAADYYG7QAAAAUElEQVR42u3WsQ0AIAgEQMZxCPePC9m7gJTG4o9QknAVfO2m1hzXfj1fQEBAcaBfi7t5ICCgPJBLDQQEJA95HUBA8pBLDQQEJA95HUBA0aADTe4yj87RcBgAAAAASUVORK5CYII=';

export const SHOP_TEXT = `const CURRENCY = "EUR";

// A price without tax.
export function net(price) {
  return price;
}

// And with it.
export function gross(price) {
  return price * 1.19;
}

// What a shelf holds.
export function shelf() {
  const name = "shelf";
  const one = 1;
  const two = 2;
  const three = 3;
  return { name, sum: one + two + three };
}

// Nothing to change here.
export function same(price) {
  return price;
}

// For people.
export function print(price) {
  return \`\${price} \${CURRENCY}\`;
}
`;

/** One place, before and after. */
export type Edit = readonly [string, string];

/** The four places, as the result has them. */
export const CURRENCY: Edit = ['"EUR"', '"CHF"'];
export const TAX: Edit = ['price * 1.19', 'Math.round(price * 1.077 * 100) / 100'];
export const SHELF: Edit = [
  'one = 1;\n  const two = 2;\n  const three = 3;',
  'one = 10;\n  const two = 20;\n  const three = 30;',
];
export const PRINT: Edit = [
  '  return `${price} ${',
  '  // Two digits, always.\n  return `${price.toFixed(2)} ${',
];

export function shopWith(...edits: Edit[]): string {
  return edits.reduce((text, [from, to]) => text.replace(from, () => to), SHOP_TEXT);
}

/** Added to the repository and committed. */
export function addShop(folder: string): void {
  write(folder, SHOP, SHOP_TEXT);
  writeFileSync(join(folder, 'assets/logo.png'), Buffer.from(LOGO, 'base64'));
  git(folder, ['add', SHOP, 'assets/logo.png']);
  git(folder, ['commit', '-q', '-m', 'Open a shop']);
}
