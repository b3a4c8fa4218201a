/** A hostile result under review: nothing outside of the folder is read into a merge, and nothing is written. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { nodeFileIO, openCheckpoints, type DocumentIO } from '../../../client/apply/index.ts';
import { reviewed } from '../../../extension/changes/result.ts';
import { ChangesSession } from '../../../extension/changes/session.ts';
import { removeFolder, temporaryFolder } from '../../support/git.ts';
import { change, create } from '../../unit/apply/patches.ts';

const base = temporaryFolder('codex-hostile-review');
after(() => removeFolder(base));
const NO_DOCUMENTS: DocumentIO = {
  isDirty: () => false,
  read: async () => new Uint8Array(),
  applyToBuffer: async () => ({ ok: false, reason: 'changedSince' }),
};

for (const [what, name, reason] of [
  ['out of the folder', '../outside/f', 'unsafePath'],
  ['through a link that is a folder', 'link/f', 'beyondSymlink'],
  ['into git', '.git/config', 'insideGit'],
] as const) {
  test(`a path ${what} can be neither decided nor merged by hand`, async () => {
    const root = join(base, what.replaceAll(' ', '-'), 'root');
    const outside = join(root, '../outside');
    for (const folder of [join(root, '.git'), outside]) fs.mkdirSync(folder, { recursive: true });
    fs.symlinkSync('../outside', join(root, 'link'));
    for (const file of [join(outside, 'f'), join(root, '.git/config')]) fs.writeFileSync(file, 'secret\n');
    for (const patch of [change(name, 'secret\n', 'evil\n'), create(`${name}2`, 'evil\n')]) {
      const ref = { taskId: 'task0001', turn: 1, attempt: 1, from: null, root };
      const session = new ChangesSession(await reviewed(ref, 'A task', Buffer.from(patch), []), null, {
        io: nodeFileIO(root),
        documents: NO_DOCUMENTS,
        checkpoints: () => openCheckpoints(join(base, 'checkpoints')),
        fetch: async () => Buffer.from('secret\n'),
        save: async () => undefined,
      });
      await session.look();
      const [file] = session.files;
      assert.ok(file);
      assert.equal(await file.sides(), null);
      const { done, refused } = await session.acceptAll(true);
      assert.deepEqual(done, []);
      assert.ok(refused.length > 0 && refused.every((one) => one.reason === reason), JSON.stringify(refused));
    }
    assert.deepEqual(fs.readdirSync(outside), ['f']);
    assert.equal(fs.readFileSync(join(outside, 'f'), 'utf8'), 'secret\n');
    assert.deepEqual(fs.readdirSync(join(root, '.git')), ['config']);
  });
}
