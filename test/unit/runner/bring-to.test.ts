import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainConfig } from '../../../runner/bring-to.ts';

test('of a repository’s configuration only what it is counts, not what a setup wants of git', () => {
  const core =
    '[core]\n\trepositoryformatversion = 1\n\tbare = false\n[extensions]\n\tobjectformat = sha256\n';
  const wishes =
    '[filter "x"]\n\tsmudge = evil\n[include]\n\tpath = /etc/x\n[url "http://a/"]\n\tinsteadOf = http://b/\n[remote "origin"]\n\turl = x\n';
  assert.equal(plainConfig(`${core}${wishes}`), core.trimEnd());
  assert.equal(plainConfig(`${wishes}[Core]\n\tbare = false`), '[Core]\n\tbare = false');
  assert.equal(plainConfig('  [filter.lfs]\nclean = a\n[core] bare = false'), '[core] bare = false');
});
