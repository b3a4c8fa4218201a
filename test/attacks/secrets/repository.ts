/** The repository that the attempts run in, with the programs that plant a value and hunt for it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitAll, initRepository, temporaryFolder, write } from '../../support/git.ts';

/** The test removes it. */
export function makeRepository(): string {
  const folder = temporaryFolder('secrets-repo');
  initRepository(folder);
  write(folder, 'README.md', '# Project\n');
  write(folder, '.gitignore', 'AGENTS.md\n');
  for (const name of ['hunt.py', 'plant.py', 'say.py'])
    write(folder, name, readFileSync(join(import.meta.dirname, 'programs', name)));
  commitAll(folder);
  return folder;
}
