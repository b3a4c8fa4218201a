/** The repository that the e2e tests open: a small project with what is easily lost on the way. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { binary, git, initRepository, write } from '../../support/git.ts';

export function makeRepository(folder: string): void {
  initRepository(folder);
  write(folder, 'README.md', '# Parcel\n\nCounts parcels.\n');
  write(folder, 'src/count.mjs', COUNT);
  write(folder, 'src/old-name.mjs', 'export const unit = "parcel";\nexport const plural = "parcels";\n');
  write(folder, 'docs/guide.txt', 'One\r\nTwo\r\nThree\r\n');
  write(folder, 'docs/obsolete.txt', 'No longer true.\n');
  write(folder, 'assets/label.bin', binary(5000, 'label'));
  write(folder, 'tool.sh', '#!/bin/sh\necho parcels\n');
  chmodSync(join(folder, 'tool.sh'), 0o644);
  git(folder, ['add', '-A']);
  git(folder, ['commit', '-q', '-m', 'Count parcels']);
}

/** Changes that a person has not committed: they go along and must survive. */
export function makeLocalChanges(folder: string): void {
  write(folder, 'README.md', '# Parcel\n\nCounts parcels. (A change of mine.)\n');
  write(folder, 'notes.txt', 'Mine, and not tracked.\n');
}

const COUNT = `export function count(parcels) {
  let total = 0;
  for (const parcel of parcels) {
    total += parcel.pieces;
  }
  return total;
}
`;
