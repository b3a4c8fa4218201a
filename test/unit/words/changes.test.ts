import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changedLines, changeLabel, changeNotes } from '../../../client/words/index.ts';
import type { FileChange } from '../../../protocol/events.ts';

const ABSENT = '000000';
const FILE = '100644';
const EXECUTABLE = '100755';
const LINK = '120000';
const SUBMODULE = '160000';

function change(kind: FileChange['kind'], oldMode: string, newMode: string, rest: Partial<FileChange> = {}) {
  return { path: { path: 'a' }, kind, oldMode, newMode, binary: false, ...rest } satisfies FileChange;
}

describe('what is said of a changed file', () => {
  const cases: [string, FileChange, string[]][] = [
    ['a new file', change('added', ABSENT, FILE, { added: 1, newBytes: 2 }), []],
    ['a new empty file', change('added', ABSENT, FILE, { added: 0, newBytes: 0 }), ['empty file']],
    ['a new executable', change('added', ABSENT, EXECUTABLE, { newBytes: 9 }), ['executable']],
    ['a new binary file', change('added', ABSENT, FILE, { binary: true, newBytes: 9 }), ['binary']],
    ['a new link', change('added', ABSENT, LINK, { added: 1, newBytes: 5 }), ['symlink']],
    ['a link that points elsewhere', change('modified', LINK, LINK, { added: 1, removed: 1 }), ['symlink']],
    ['a deleted link', change('deleted', LINK, ABSENT, { removed: 1 }), ['symlink']],
    ['a deleted executable', change('deleted', EXECUTABLE, ABSENT, { removed: 4 }), []],
    ['a submodule', change('modified', SUBMODULE, SUBMODULE, { added: 1, removed: 1 }), ['submodule']],
    ['a file made executable', change('modeChanged', FILE, EXECUTABLE), ['executable']],
    ['a file no longer executable', change('modeChanged', EXECUTABLE, FILE), ['no longer executable']],
    ['an emptied file', change('modified', FILE, FILE, { removed: 2, newBytes: 0 }), ['empty file']],
    ['a file that became a link', change('typeChanged', FILE, LINK), ['now a symlink']],
    ['a link that became a file', change('typeChanged', LINK, FILE, { newBytes: 3 }), ['now a file']],
    ['a file that became a submodule', change('typeChanged', FILE, SUBMODULE), ['now a submodule']],
    ['an executable that became a link', change('typeChanged', EXECUTABLE, LINK), ['now a symlink']],
  ];
  for (const [name, file, notes] of cases) {
    it(`${name}: ${notes.join(', ') || 'nothing more'}`, () => assert.deepEqual(changeNotes(file), notes));
  }

  it('never has a mode number in it', () => {
    for (const [, file] of cases) assert.doesNotMatch(changeLabel(file), /\d{6}/);
  });
});

describe('lines', () => {
  it('are counted of files, not of what a link or a submodule points to', () => {
    assert.deepEqual(changedLines(change('added', ABSENT, LINK, { added: 1 })), { added: 0, removed: 0 });
    assert.deepEqual(changedLines(change('modified', SUBMODULE, SUBMODULE, { added: 1, removed: 1 })), {
      added: 0,
      removed: 0,
    });
    assert.deepEqual(changedLines(change('typeChanged', FILE, LINK, { added: 1, removed: 7 })), {
      added: 0,
      removed: 7,
    });
    assert.deepEqual(changedLines(change('modified', FILE, FILE, { added: 2, removed: 1 })), {
      added: 2,
      removed: 1,
    });
  });
});

it('one phrase has all of it, for a screen reader', () => {
  const edited = change('modified', FILE, EXECUTABLE, { path: { path: 'tool.sh' }, added: 2, removed: 1 });
  assert.equal(changeLabel(edited), 'tool.sh, modified, executable, 2 lines added, 1 line removed');
  const renamed = change('renamed', FILE, FILE, { path: { path: 'new' }, from: { path: 'old' } });
  assert.equal(changeLabel(renamed), 'old to new, renamed');
  assert.equal(changeLabel(change('modeChanged', EXECUTABLE, FILE)), 'a, no longer executable');
});
