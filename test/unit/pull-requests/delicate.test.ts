import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CodexError } from '../../../protocol/errors.ts';
import type { DelicateFile } from '../../../protocol/pull-request.ts';
import { checkConfirmed, delicateKey } from '../../../server/pull-requests/delicate.ts';

test('a yes is for one result only', () => {
  const files: DelicateFile[] = [{ path: '.github/workflows/ci.yml', why: 'workflow' }];
  const key = delicateKey(files, 'tree-1');
  checkConfirmed(files, 'tree-1', key);
  checkConfirmed([], 'tree-1', undefined);
  for (const [tree, given] of [
    ['tree-2', key],
    ['tree-1', undefined],
    ['tree-1', 'x'],
  ] as const) {
    assert.throws(
      () => checkConfirmed(files, tree, given),
      (error: CodexError) =>
        error.code === 'forgeNotConfirmed' && error.wire.params['paths'] === '.github/workflows/ci.yml',
    );
  }
});
