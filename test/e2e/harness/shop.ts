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

/** Added to the repository and committed. */
export function addShop(folder: string): void {
  write(folder, SHOP, SHOP_TEXT);
  writeFileSync(join(folder, 'assets/logo.png'), Buffer.from(LOGO, 'base64'));
  git(folder, ['add', SHOP, 'assets/logo.png']);
  git(folder, ['commit', '-q', '-m', 'Open a shop']);
}
