/** The folder that a command works on, and what was made from there beside it. */
import { join } from 'node:path';
import { Deliveries } from '../../client/apply-to/index.ts';
import { inspectFolder } from '../../client/git/folder.ts';
import { CodexError } from '../../protocol/errors.ts';

/** The top of the working tree, or the folder itself where there is no git. */
export async function rootOf(folder: string): Promise<string> {
  const found = await inspectFolder(folder);
  if (found.kind === 'missing') throw new CodexError('folderMissing', { folder });
  if (found.kind === 'gitMissing') throw new CodexError('gitMissing');
  return found.root;
}

export function deliveriesOf(dataDir: string): Deliveries {
  return new Deliveries(join(dataDir, 'deliveries'));
}
