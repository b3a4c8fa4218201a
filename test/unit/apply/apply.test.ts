import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  applyPlan,
  nodeFileIO,
  openCheckpoints,
  planApply,
  undoCheckpoint,
  type ApplyOptions,
  type Checkpoints,
  type DocumentIO,
  type FileIO,
} from '../../../client/apply/index.ts';
import { parsePatch } from '../../../client/patch/index.ts';
import { NONE, binary, change, create, id, link, remove, rename } from './patches.ts';

let base: string;
let root: string;
let checkpoints: Checkpoints;

beforeEach(() => {
  base = fs.mkdtempSync(join(tmpdir(), 'codex-tasks-apply-'));
  root = join(base, 'root');
  fs.mkdirSync(root);
  checkpoints = openCheckpoints(join(base, 'checkpoints'));
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

const put = (name: string, text: string | Buffer) => {
  fs.mkdirSync(join(root, name, '..'), { recursive: true });
  fs.writeFileSync(join(root, name), text);
};
const get = (name: string) => fs.readFileSync(join(root, name), 'latin1');
const exists = (name: string) => fs.lstatSync(join(root, name), { throwIfNoEntry: false }) !== undefined;
async function apply(patch: string, options: Partial<ApplyOptions> = {}) {
  const { documents, io } = options;
  const plan = await planApply(root, parsePatch(Buffer.from(patch, 'latin1')), {
    ...(documents ? { documents } : {}),
    ...(io ? { io } : {}),
  });
  const outcome = await applyPlan(plan, { checkpoints, ...options });
  const told = outcome.results.map(
    ({ path, status, reason }) => `${path.path}: ${status}${reason ? ` ${reason}` : ''}`,
  );
  return { plan, ...outcome, told };
}

async function undo(checkpointId: string | null, force = false) {
  assert.ok(checkpointId !== null);
  const outcome = await undoCheckpoint(checkpoints, checkpointId, { force });
  return { ...outcome, told: outcome.results.map(({ path, status }) => `${path.path}: ${status}`) };
}

const LONG = Array.from({ length: 40 }, (_, index) => `line ${index}\n`).join('');
const LONG_AFTER = LONG.replace('line 20\n', 'theirs\n');
const LONG_PATCH =
  `diff --git a/long b/long\nindex ${id(LONG)}..${id(LONG_AFTER)} 100644\n--- a/long\n+++ b/long\n` +
  '@@ -20,3 +20,3 @@\n line 19\n-line 20\n+theirs\n line 21\n';

test("the user's own edits elsewhere in a file are kept, and undo brings them back exactly", async () => {
  const mine = `mine\n${LONG}mine too\n`;
  put('long', mine);
  const { told, checkpointId } = await apply(LONG_PATCH);
  assert.deepEqual(told, ['long: applied-modified']);
  assert.equal(get('long'), mine.replace('line 20\n', 'theirs\n'));
  assert.deepEqual((await undo(checkpointId)).told, ['long: restored']);
  assert.equal(get('long'), mine);
});

test('an overlapping edit is a conflict of that file alone, and the file stays as it is', async () => {
  put('long', LONG.replace('line 20', 'mine'));
  const { told } = await apply(LONG_PATCH + create('new', 'x\n'));
  assert.deepEqual(told, ['long: conflict contextChanged', 'new: applied']);
  assert.equal(get('long'), LONG.replace('line 20', 'mine'));
});

test('what is in already is said to be so, and writes nothing', async () => {
  put('long', LONG_AFTER);
  put('moved', 'm\n');
  const { told, checkpointId } = await apply(LONG_PATCH + remove('gone', 'g\n') + rename('old', 'moved'));
  assert.deepEqual(told.slice(0, 2), ['long: applied alreadyApplied', 'gone: applied alreadyApplied']);
  assert.equal(checkpointId, null);
  put('long', `mine\n${LONG_AFTER}`);
  assert.deepEqual((await apply(LONG_PATCH)).told, ['long: applied alreadyApplied']);
});

test('a file that git checked out with CRLF keeps it, and new lines get it', async () => {
  put('long', LONG.replaceAll('\n', '\r\n'));
  const { told, checkpointId } = await apply(LONG_PATCH);
  assert.deepEqual(told, ['long: applied']);
  assert.equal(get('long'), LONG_AFTER.replaceAll('\n', '\r\n'));
  await undo(checkpointId);
  assert.equal(get('long'), LONG.replaceAll('\n', '\r\n'));
});

test('a text that git checked out with CRLF is what a binary patch of its LF was made from', async () => {
  put('f', 'a\r\nb\r\n');
  const became = await apply(binary('f', 'a\nb\n', '\0new\n'));
  assert.deepEqual(became.told, ['f: applied']);
  assert.equal(get('f'), '\0new\n');
  await undo(became.checkpointId);
  assert.equal(get('f'), 'a\r\nb\r\n');

  const stayed = await apply(binary('f', 'a\nb\n', 'a\nc\n'));
  assert.equal(get('f'), 'a\r\nc\r\n', 'a text keeps its line ends');
  assert.deepEqual((await apply(binary('f', 'a\nb\n', 'a\nc\n'))).told, ['f: applied alreadyApplied']);
  await undo(stayed.checkpointId);
  put('f', 'a\r\nmine\r\n');
  assert.deepEqual((await apply(binary('f', 'a\nb\n', '\0new\n'))).told, ['f: conflict contentChanged']);
});

test('an untracked file that would be overwritten is a conflict, not a loss', async () => {
  put('new', 'mine\n');
  put('dir/inside', 'mine\n');
  const { told } = await apply(create('new', 'theirs\n') + create('dir', 'theirs\n'));
  assert.deepEqual(told, ['new: conflict exists', 'dir: conflict notAFile']);
  assert.equal(get('new'), 'mine\n');
  assert.equal(get('dir/inside'), 'mine\n');
});

test('a file that was changed is not deleted', async () => {
  put('f', 'a\nmine\n');
  assert.deepEqual((await apply(remove('f', 'a\n'))).told, ['f: conflict contextChanged']);
  assert.equal(get('f'), 'a\nmine\n');
});

test('two files that swap their names do, both or neither', async () => {
  put('one', '1\n');
  put('two', '2\n');
  const patch = rename('one', 'two') + rename('two', 'one');
  const half = await apply(patch, { include: (item) => item.path.path === 'two' });
  assert.deepEqual(half.told, ['two: conflict needsOther']);
  const { checkpointId } = await apply(patch);
  assert.deepEqual([get('one'), get('two')], ['2\n', '1\n']);
  await undo(checkpointId);
  assert.deepEqual([get('one'), get('two')], ['1\n', '2\n']);
});

test('permissions beyond the executable bit survive applying and undoing', async () => {
  put('f', 'a\n');
  fs.chmodSync(join(root, 'f'), 0o640);
  const { checkpointId } = await apply(change('f', 'a\n', 'b\n'));
  assert.equal(fs.statSync(join(root, 'f')).mode & 0o777, 0o640);
  await apply('diff --git a/f b/f\nold mode 100644\nnew mode 100755\n');
  assert.equal(fs.statSync(join(root, 'f')).mode & 0o777, 0o750);
  assert.deepEqual((await undo(checkpointId)).told, ['f: stale']);
});

test('folders that applying made go away with undo, unless the user put something there', async () => {
  const { checkpointId } = await apply(create('a/b/c', 'x\n') + create('d/e', 'y\n'));
  put('d/mine', 'mine\n');
  await undo(checkpointId);
  assert.equal(exists('a'), false);
  assert.deepEqual(fs.readdirSync(join(root, 'd')), ['mine']);
});

test('a folder that a deletion emptied comes back with its permissions', async () => {
  put('a/b', 'x\n');
  fs.chmodSync(join(root, 'a'), 0o700);
  const { checkpointId } = await apply(remove('a/b', 'x\n'));
  assert.equal(exists('a'), false);
  await undo(checkpointId);
  assert.equal(fs.statSync(join(root, 'a')).mode & 0o777, 0o700);
});

test('undo refuses by name where the user has edited since, restores the rest, and can be forced without loss', async () => {
  put('f', 'a\n');
  put('g', 'a\n');
  const { checkpointId } = await apply(change('f', 'a\n', 'b\n') + change('g', 'a\n', 'b\n'));
  put('f', 'mine\n');
  assert.deepEqual((await undo(checkpointId)).told, ['f: stale', 'g: restored']);
  assert.equal(get('f'), 'mine\n');
  const forced = await undo(checkpointId, true);
  assert.deepEqual(forced.told, ['f: restored', 'g: unchanged']);
  assert.equal(get('f'), 'a\n');
  await undo(forced.checkpointId);
  assert.equal(get('f'), 'mine\n');
});

test('a checkpoint outlives the process that made it', async () => {
  put('f', 'a\n');
  const { checkpointId } = await apply(change('f', 'a\n', 'b\n'), {
    info: { taskId: 't1', turn: 2, label: 'Fix it' },
  });
  checkpoints = openCheckpoints(join(base, 'checkpoints'));
  const [listed] = checkpoints.list();
  assert.equal(listed?.id, checkpointId);
  assert.deepEqual(
    [listed?.taskId, listed?.turn, listed?.label, listed?.finished],
    ['t1', 2, 'Fix it', true],
  );
  await undo(checkpointId);
  assert.equal(get('f'), 'a\n');
  assert.ok(checkpoints.get(checkpointId!)!.undoneAt);
});

test('checkpoints go after their time and beyond their size, the newest never', async () => {
  let now = 1e12;
  checkpoints = openCheckpoints(join(base, 'checkpoints'), {
    now: () => now,
    maxAgeMs: 1000,
    maxBytes: 20_000,
  });
  const made: (string | null)[] = [];
  for (const name of ['a', 'b', 'c']) {
    put(name, `${'x'.repeat(9000)}\n`);
    made.push((await apply(remove(name, `${'x'.repeat(9000)}\n`))).checkpointId);
    now += 100;
  }
  assert.deepEqual(
    checkpoints.list().map((one) => one.id),
    [made[2], made[1]],
  );
  now += 5000;
  checkpoints.prune();
  assert.deepEqual(
    checkpoints.list().map((one) => one.id),
    [made[2]],
  );
});

test('a damaged or foreign file in the store is no checkpoint, and an id is no path', () => {
  fs.writeFileSync(join(checkpoints.folder, 'abcdefgh12.checkpoint'), 'garbage that is long enough');
  assert.deepEqual(checkpoints.list(), []);
  assert.equal(checkpoints.get('../../etc/passwd'), null);
});

const REFUSED: [string, string][] = [
  ['../evil', 'unsafePath'],
  ['a/../../evil', 'unsafePath'],
  ['/etc/evil', 'unsafePath'],
  ['a//b', 'unsafePath'],
  ['./a', 'unsafePath'],
  ['C:/evil', 'unsafePath'],
  ['.git/hooks/pre-commit', 'insideGit'],
  ['sub/.GIT/config', 'insideGit'],
  ['.git', 'insideGit'],
  ['git~1/config', 'insideGit'],
  ['.git. /config', 'insideGit'],
  ['.git::$INDEX_ALLOCATION/config', 'insideGit'],
  ['a\\.git\\config', 'insideGit'],
  ['.g\xe2\x80\x8cit/config', 'insideGit'],
];
for (const [name, reason] of REFUSED) {
  test(`the path ${JSON.stringify(name)} is refused`, async () => {
    const quoted = `"${name.replace(/\\/g, '\\\\')}"`;
    const patch = create('NAME', 'x\n').replace(
      /(a|b)\/NAME/g,
      (_, side: string) => `"${side}/${quoted.slice(1)}`,
    );
    const { told } = await apply(patch);
    assert.match(told[0]!, new RegExp(`: refused ${reason}$`));
    assert.deepEqual(fs.readdirSync(root), []);
    assert.deepEqual(fs.readdirSync(base).sort(), ['checkpoints', 'root']);
  });
}

test('nothing is read or written beyond a symlink of the folder or of the patch', async () => {
  fs.mkdirSync(join(base, 'outside'));
  fs.writeFileSync(join(base, 'outside/f'), 'a\n');
  fs.symlinkSync('../outside', join(root, 'link'));
  const patch =
    create('link/new', 'x\n') +
    change('link/f', 'a\n', 'b\n') +
    remove('link/g', 'a\n') +
    link('door', '../outside') +
    create('door/new', 'x\n');
  const { told } = await apply(patch);
  assert.deepEqual(told, [
    'link/new: refused beyondSymlink',
    'link/f: refused beyondSymlink',
    'link/g: refused beyondSymlink',
    'door: applied',
    'door/new: refused duplicatePath',
  ]);
  assert.deepEqual(fs.readdirSync(join(base, 'outside')), ['f']);
  assert.equal(fs.readFileSync(join(base, 'outside/f'), 'utf8'), 'a\n');
});

test('a folder that became a symlink between plan and apply is not followed', async () => {
  fs.mkdirSync(join(base, 'outside'));
  fs.mkdirSync(join(root, 'dir'));
  const plan = await planApply(root, parsePatch(Buffer.from(create('dir/new', 'x\n'))));
  fs.rmdirSync(join(root, 'dir'));
  fs.symlinkSync('../outside', join(root, 'dir'));
  const { results } = await applyPlan(plan, { checkpoints });
  assert.equal(results[0]?.status, 'refused');
  assert.deepEqual(fs.readdirSync(join(base, 'outside')), []);
});

test('undo does not follow a symlink that the user put in place of a folder', async () => {
  put('dir/f', 'a\n');
  const { checkpointId } = await apply(change('dir/f', 'a\n', 'b\n'));
  fs.renameSync(join(root, 'dir'), join(base, 'outside'));
  fs.symlinkSync('../outside', join(root, 'dir'));
  assert.deepEqual((await undo(checkpointId)).told, ['dir/f: stale']);
  assert.equal(fs.readFileSync(join(base, 'outside/f'), 'utf8'), 'b\n');
});

test('a file that changed between plan and apply is stale and untouched; the others are applied', async () => {
  put('f', 'a\n');
  put('g', 'a\n');
  const plan = await planApply(
    root,
    parsePatch(Buffer.from(change('f', 'a\n', 'b\n') + change('g', 'a\n', 'b\n'))),
  );
  put('f', 'mine\n');
  const { results } = await applyPlan(plan, { checkpoints });
  assert.deepEqual(
    results.map(({ status }) => status),
    ['stale', 'applied'],
  );
  assert.equal(get('f'), 'mine\n');
});

test('one path twice in a patch is refused', async () => {
  const { told } = await apply(create('f', 'x\n') + create('f', 'y\n'));
  assert.deepEqual(told, ['f: refused duplicatePath', 'f: refused duplicatePath']);
});

test('where case does not count, two names that differ in case only are refused', async () => {
  const io: FileIO = { ...nodeFileIO(root), caseInsensitive: async () => true };
  const { told } = await apply(create('Read', 'x\n') + create('read', 'y\n'), { io });
  assert.deepEqual(told, ['Read: refused caseCollision', 'read: refused caseCollision']);
});

test("Windows' reserved names and names that are not UTF-8 are refused where the system can't have them", async () => {
  const io: FileIO = { ...nodeFileIO(root), platform: 'win32' };
  const odd = create('N', 'x\n').replace(/(a|b)\/N/g, '"$1/\\377"');
  const { told } = await apply(
    create('aux.txt', 'x\n') + create('dot.', 'x\n') + create('a:b', 'x\n') + odd,
    { io },
  );
  assert.deepEqual(
    told.map((line) => line.replace(/.*: /s, '')),
    ['refused reservedName', 'refused reservedName', 'refused reservedName', 'refused nameNotUtf8'],
  );
});

test('a submodule and a binary without its bytes are refused', async () => {
  put('f', 'a\n');
  const submodule = `diff --git a/sub b/sub\nnew file mode 160000\nindex ${NONE}..${id('x')}\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit ${id('x')}\n`;
  const binary = `diff --git a/f b/f\nindex ${id('a\n')}..${id('b\n')} 100644\nBinary files a/f and b/f differ\n`;
  assert.deepEqual((await apply(submodule + binary)).told, [
    'sub: refused submodule',
    'f: refused noContent',
  ]);
});

for (const name of [
  '.vscode/tasks.json',
  'pkg/.vscode/settings.json',
  '.devcontainer/x',
  '.envrc',
  '.husky/pre-push',
  '.githooks/pre-commit',
  '.codex/environment.yaml',
  '.github/workflows/ci.yml',
  '.GitHub/Workflows/ci.yml',
  '.gitlab-ci.yml',
]) {
  // prettier-ignore
  test(`${name} runs by itself and is applied only when asked for`, async () => {
    const { told, plan } = await apply(create(name, 'x\n') + create('other', 'y\n'));
    assert.equal(plan.items[0]?.runsByItself, true);
    assert.deepEqual(told, [`${name}: refused runsByItself`, 'other: applied']);
    assert.deepEqual((await apply(create(name, 'x\n'), { includeSelfRunning: () => true })).told, [`${name}: applied`]);
  });
}

test('a symlink at a folder of files that run by themselves counts as one', async () => {
  assert.deepEqual((await apply(link('.vscode', 'innocent'))).told, ['.vscode: refused runsByItself']);
});

function documentsOf(dirty: Map<string, Buffer>): DocumentIO {
  return {
    isDirty: (path) => dirty.has(path.path),
    read: async (path) => dirty.get(path.path)!,
    async applyToBuffer(path, transform) {
      const outcome = transform(dirty.get(path.path)!);
      if (!outcome.ok) return outcome;
      dirty.set(path.path, Buffer.from(outcome.bytes));
      return { ok: true };
    },
  };
}

test('an unsaved document gets the change and stays unsaved; the file on disk is untouched; undo brings back the typing', async () => {
  put('long', LONG);
  const typed = `typed\n${LONG}`;
  const dirty = new Map([['long', Buffer.from(typed)]]);
  const documents = documentsOf(dirty);
  const { told, checkpointId } = await apply(LONG_PATCH, { documents });
  assert.deepEqual(told, ['long: applied-unsaved']);
  assert.equal(get('long'), LONG);
  assert.equal(dirty.get('long')!.toString(), `typed\n${LONG_AFTER}`);
  const undone = await undoCheckpoint(checkpoints, checkpointId!, { documents });
  assert.equal(undone.results[0]?.status, 'restored');
  assert.equal(dirty.get('long')!.toString(), typed);
  assert.equal(get('long'), LONG);
});

test('a change to a document that was saved after applying is undone on disk', async () => {
  put('long', LONG);
  const dirty = new Map([['long', Buffer.from(`typed\n${LONG}`)]]);
  const { checkpointId } = await apply(LONG_PATCH, { documents: documentsOf(dirty) });
  put('long', dirty.get('long')!);
  assert.deepEqual((await undo(checkpointId)).told, ['long: restored']);
  assert.equal(get('long'), `typed\n${LONG}`);
});

test('deleting, renaming or making a file that is open with unsaved changes is a conflict', async () => {
  put('f', 'a\n');
  put('g', 'a\n');
  const documents = documentsOf(new Map(['f', 'g', 'h'].map((name) => [name, Buffer.from('typed')])));
  const { told } = await apply(remove('f', 'a\n') + rename('g', 'g2') + create('h', 'x\n'), { documents });
  assert.deepEqual(told, [
    'f: conflict unsavedChanges',
    'g2: conflict unsavedChanges',
    'h: conflict unsavedChanges',
  ]);
});

const noSpace = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

test('a disk that is full while contents are staged leaves everything as it was', async () => {
  put('f', 'a\n');
  let calls = 0;
  const real = nodeFileIO(root);
  const io: FileIO = {
    ...real,
    stage: async (temp, state) => {
      await real.stage(temp, state);
      if (++calls === 3) throw noSpace();
    },
  };
  const { told, results, checkpointId } = await apply(
    change('f', 'a\n', 'b\n') + create('d/new', 'x\n') + create('z', 'y\n'), { io }); // prettier-ignore
  assert.deepEqual(told, ['f: failed rolledBack', 'd/new: failed rolledBack', 'z: failed diskFull']);
  assert.deepEqual(
    results.map(({ stands }) => stands),
    ['before', 'before', 'before'],
  );
  assert.equal(checkpointId, null);
  assert.equal(get('f'), 'a\n');
  assert.deepEqual(fs.readdirSync(root), ['f']);
});

test('a rename that fails half-way puts back what was written', async () => {
  put('f', 'a\n');
  put('gone', 'g\n');
  let calls = 0;
  const real = nodeFileIO(root);
  const io: FileIO = {
    ...real,
    rename: async (temp, path) => {
      if (++calls === 3) throw Object.assign(new Error('denied'), { code: 'EACCES' });
      return real.rename(temp, path);
    },
  };
  const { told, checkpointId } = await apply(
    remove('gone', 'g\n') + change('f', 'a\n', 'b\n') + create('d/new', 'x\n') + create('z', 'y\n'), { io }); // prettier-ignore
  assert.deepEqual(told, [
    'gone: failed rolledBack',
    'f: failed rolledBack',
    'd/new: failed rolledBack',
    'z: failed noPermission',
  ]);
  assert.equal(checkpointId, null);
  assert.deepEqual(fs.readdirSync(root).sort(), ['f', 'gone']);
  assert.deepEqual([get('f'), get('gone')], ['a\n', 'g\n']);
});

test('when putting back fails too, each path says what stands there, and the checkpoint stays for later', async () => {
  put('f', 'a\n');
  put('g', 'a\n');
  const real = nodeFileIO(root);
  let calls = 0;
  const io: FileIO = {
    ...real,
    rename: async (temp, path) => {
      if (++calls >= 2) throw noSpace();
      return real.rename(temp, path);
    },
  };
  const { results, checkpointId } = await apply(change('f', 'a\n', 'b\n') + change('g', 'a\n', 'b\n'), {
    io,
  });
  assert.deepEqual(
    results.map(({ status, stands }) => [status, stands]),
    [
      ['failed', 'after'],
      ['failed', 'before'],
    ],
  );
  assert.equal(get('f'), 'b\n');
  await undo(checkpointId);
  assert.equal(get('f'), 'a\n');
});

test('a store that cannot be written to means that nothing is applied', async () => {
  put('f', 'a\n');
  const plan = await planApply(root, parsePatch(Buffer.from(change('f', 'a\n', 'b\n'))));
  const begin = checkpoints.begin.bind(checkpoints);
  checkpoints.begin = (...given) => {
    const writer = begin(...given);
    writer.commit = () => Promise.reject(noSpace());
    return writer;
  };
  const { results } = await applyPlan(plan, { checkpoints });
  assert.deepEqual(
    results.map(({ status, reason, stands }) => [status, reason, stands]),
    [['failed', 'diskFull', 'before']],
  );
  assert.equal(get('f'), 'a\n');
  assert.deepEqual(fs.readdirSync(checkpoints.folder), []);
});

test('two who apply to one folder at once do it one after the other', async () => {
  put('f', 'a\n');
  const patch = parsePatch(Buffer.from(change('f', 'a\n', 'b\n')));
  const plans = [await planApply(root, patch), await planApply(root, patch)];
  const outcomes = await Promise.all(plans.map((plan) => applyPlan(plan, { checkpoints })));
  assert.deepEqual(outcomes.map(({ results }) => results[0]?.status).sort(), ['applied', 'stale']);
});

test('a lock whose process is gone is taken over', async () => {
  put('f', 'a\n');
  const { createHash } = await import('node:crypto');
  const name = `${createHash('sha256').update(root).digest('hex').slice(0, 32)}.lock`;
  fs.writeFileSync(join(checkpoints.folder, name), '999999999 0011223344556677');
  assert.deepEqual((await apply(change('f', 'a\n', 'b\n'))).told, ['f: applied']);
  assert.ok(!fs.existsSync(join(checkpoints.folder, name)));
});
