/** What a person does with a result, through the commands that menus, lenses and the gutter run. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { openCheckpoints } from '../../../../client/apply/index.ts';
import type { ChangesRoom, RoomOptions } from '../../../../extension/changes/room.ts';
import type { ChangeNode } from '../../../../extension/changes/tree.ts';
import {
  commitAll,
  gitBytes,
  git,
  initRepository,
  removeFolder,
  temporaryFolder,
  write,
} from '../../../support/git.ts';
import { Range, shown, Uri, window, workspace } from './fake-vscode.ts';

const FAKE = new URL('./fake-vscode.ts', import.meta.url).href;
registerHooks({
  resolve: (name, context, next) =>
    name === 'vscode' ? { url: FAKE, shortCircuit: true } : next(name, context),
});
let Room: typeof ChangesRoom;
before(async () => {
  ({ ChangesRoom: Room } = await import('../../../../extension/changes/room.ts'));
});

const TEXT = Array.from({ length: 30 }, (_, n) => `line ${n}\n`).join('');
const AFTER = TEXT.replace('line 3\n', 'THREE\nand\n').replace('line 20\n', '');

/** What a workspace keeps over a restart. */
class State {
  readonly #values = new Map<string, unknown>();
  get(name: string): unknown {
    return structuredClone(this.#values.get(name));
  }
  async update(name: string, value: unknown): Promise<void> {
    this.#values.set(name, value);
  }
}

async function opened(context: TestContext, state = new State()) {
  const dir = temporaryFolder('codex-room');
  context.after(() => removeFolder(dir));
  const root = join(dir, 'work');
  initRepository(root);
  write(root, 'a.txt', TEXT);
  write(root, 'image.png', Buffer.from([137, 80, 0, 1]));
  const base = commitAll(root, 'base');
  write(root, 'a.txt', AFTER);
  write(root, 'image.png', Buffer.from([137, 80, 0, 2, 3]));
  write(root, '.envrc', 'echo hello\n');
  const target = commitAll(root, 'target');
  const patch = gitBytes(root, ['diff', '--binary', '--full-index', base, target]);
  git(root, ['reset', '-q', '--hard', base]);
  Object.assign(shown, { executed: [], messages: [], answers: [], lenses: [], controls: [], clipboard: '' });
  Object.assign(shown, { surfaces: 'all' });
  workspace.workspaceFolders = [{ uri: Uri.file(root) }];

  const attempts = [{ attempt: 1, patch: { files: 3 }, files: [] }];
  const task = { id: 'task0001', title: 'A task', turnList: [{ turn: 1, attempts }] };
  const connection = { call: async () => ({ task }), patch: async () => patch };
  const told = {
    reviews: [] as string[],
    prompts: [] as string[],
    baselines: 0,
    rows: [] as (readonly ChangeNode[] | undefined)[],
  };
  const options = {
    backend: { ready: async () => ({ connection }) },
    records: { applied: () => undefined, onChange: () => undefined },
    checkpoints: () => openCheckpoints(join(dir, 'checkpoints')),
    folder: join(dir, 'reviews'),
    log: { warn: () => undefined },
    rootFor: async () => root,
    ...{ state, files: { changed: () => told.baselines++ } },
    pickTask: async () => 'task0001',
    followUp: async (_task: string, prompt: string) => void told.prompts.push(prompt),
    reviewed: async (_task: string, review: string) => void told.reviews.push(review),
    openTask: () => undefined,
    onRows: (rows?: readonly ChangeNode[]) => void told.rows.push(rows),
    onOpened: () => undefined,
    selected: () => [],
    report: (thrown: unknown) => assert.fail(String(thrown)),
  };
  const room = new Room(options as unknown as RoomOptions);
  context.after(() => room.dispose());
  /** The room of the window's next start. */
  const again = async () => {
    const next = new Room(options as unknown as RoomOptions);
    context.after(() => next.dispose());
    await next.restore();
    return next;
  };
  await room.commands.showChanges();
  const document = { uri: Uri.file(join(root, 'a.txt')), lineCount: 31, isDirty: false };
  const editor = { document, selection: new Range(3, 0, 3, 0), revealRange: () => undefined };
  window.activeTextEditor = editor;
  await room.commands.refreshChanges();
  const rows = (node?: ChangeNode): string[] =>
    room.tree.children(node).flatMap((row) => [room.tree.item(row).label as string, ...rows(row)]);
  return {
    room,
    again,
    root,
    document,
    editor,
    told,
    rows,
    read: () => readFileSync(join(root, 'a.txt'), 'utf8'),
  };
}

test('a result is shown whole, and its review has a row for each part', async (context) => {
  const { rows } = await opened(context);
  const [name, , entries] = shown.executed[0]!;
  assert.equal(name, 'vscode.changes');
  const paths = (entries as [Uri, Uri?, Uri?][]).map((uris) => uris.map((uri) => uri?.path));
  assert.deepEqual(paths, [
    ['/.envrc', undefined, '/.envrc'],
    ['/a.txt', '/a.txt', '/a.txt'],
    ['/image.png', '/image.png', '/image.png'],
  ]);
  assert.deepEqual(rows(), [
    ...['A task', '.envrc', 'Line 1: echo hello', 'a.txt', 'Line 4: THREE', 'Line 21: line 20'],
    ...['image.png', 'Binary content'],
  ]);
});

test('a lens accepts its hunk, and one that is gone says so', async (context) => {
  const { room, document, read, told } = await opened(context);
  const lenses = shown.lenses[0]!.provideCodeLenses(document);
  assert.deepEqual(
    lenses.map(({ range, command }) => [range.start.line, command.title]),
    [3, 20].flatMap((line) =>
      ['Accept', 'Reject', `Codex: ${line === 3 ? '+2 −1' : '−1'}, not in the file yet`].map((title) => [
        line,
        title,
      ]),
    ),
  );
  await room.commands.acceptChange(lenses[0]!.command.arguments[0]);
  assert.equal(read(), TEXT.replace('line 3\n', 'THREE\nand\n'));
  assert.deepEqual(told.reviews, ['open'], 'another one is not decided');
  await assert.rejects(
    async () => room.commands.acceptChange({ review: 'gone', id: 'x' }),
    /not there any more/,
  );
});

test('a row that is gone means nothing, least of all what is at the cursor', async (context) => {
  const { room, read } = await opened(context);
  for (const args of [[undefined], [null, undefined]])
    await assert.rejects(async () => room.commands.acceptChange(...args), /not there any more/);
  assert.equal(read(), TEXT);
  await room.commands.acceptChange();
  assert.notEqual(read(), TEXT, 'a key means what is at the cursor');
});

test('what another program writes into a file is seen without a word', async (context) => {
  const { root, document, rows, told } = await opened(context);
  writeFileSync(join(root, 'a.txt'), `mine\n${TEXT}`);
  const drawn = told.rows.length;
  workspace.fileChanged(document.uri);
  while (told.rows.length === drawn) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(rows().includes('Line 5: THREE'));
});

test('only rows that say something else are drawn anew', async (context) => {
  const { room, root, told } = await opened(context);
  await room.commands.refreshChanges();
  told.rows.length = 0;
  // Below both hunks: no row says another line.
  writeFileSync(join(root, 'a.txt'), `${TEXT}mine\n`);
  await room.tree.children()[0]!.session.look();
  assert.deepEqual(told.rows.flat(), []);
  writeFileSync(join(root, 'a.txt'), `mine\n${TEXT}`);
  await room.tree.children()[0]!.session.look();
  assert.deepEqual(
    told.rows.flat().map((row) => row?.kind === 'file' && row.file.file.path.path),
    ['a.txt'],
  );
});

test('applying a result of which some is decided means the rest', async (context) => {
  const { room, root, read, told } = await opened(context);
  assert.equal(await room.applyRest('task0001', {}), false, 'nothing is decided');
  const files = room.tree.children(room.tree.children()[0]);
  const [first, second] = room.tree.children(files[1]);
  await room.commands.rejectChange(first);
  assert.equal(await room.applyRest('task0001', {}), true);
  assert.equal(read(), TEXT.replace('line 20\n', ''), 'what was rejected stays out');
  assert.match(room.tree.item(second!).description as string, /accepted/);
  assert.ok(readFileSync(join(root, 'image.png')).length > 0);
  assert.equal(told.reviews.at(-1), 'open', 'what runs by itself waits for its yes');
  await room.commands.rejectChange(files[0]);
  assert.equal(told.reviews.at(-1), 'partly');
  await assert.rejects(room.applyRest('task0001', {}), /Each change of this result is decided/);
  assert.equal(await room.applyRest('another', {}), false);
});

test('the gutter compares with the file without what is not decided, and its button means that change', async (context) => {
  const { room, root, document, read, told } = await opened(context);
  writeFileSync(join(root, 'a.txt'), AFTER);
  await room.commands.refreshChanges();
  assert.ok(told.baselines > 0, 'the editor is told that it compares with something else');
  const uri = shown.controls[0]!.quickDiffProvider!.provideOriginalResource(document.uri)!;
  assert.equal(Buffer.from(await room.read(JSON.parse(uri.query) as never)).toString(), TEXT);
  const change = { originalStartLineNumber: 21, originalEndLineNumber: 21, modifiedStartLineNumber: 21 };
  await room.commands.rejectChange(document.uri, [{ ...change, modifiedEndLineNumber: 0 }], 0);
  assert.equal(read(), TEXT.replace('line 3\n', 'THREE\nand\n'));
});

test('a file that runs by itself is asked for, and all can be undone', async (context) => {
  const { room, root, read } = await opened(context);
  const start = read();
  shown.answers.push(undefined);
  const [result] = room.tree.children();
  await room.commands.acceptAllChanges(result);
  assert.deepEqual(shown.messages, ['1 file runs by itself.']);
  assert.equal(read(), AFTER);
  assert.throws(() => readFileSync(join(root, '.envrc')));
  shown.answers.push('Accept Them Too');
  await room.commands.acceptAllChanges(result);
  assert.equal(readFileSync(join(root, '.envrc'), 'utf8'), 'echo hello\n');
  await room.commands.undoChange();
  await room.commands.undoChange();
  assert.equal(read(), start);
  await assert.rejects(async () => room.commands.undoChange(), /no decision to undo/);
});

test('selected lines are taken by themselves', async (context) => {
  const { room, root, editor, read } = await opened(context);
  writeFileSync(join(root, 'a.txt'), AFTER);
  editor.selection = new Range(4, 0, 5, 0);
  await room.commands.rejectSelectedLines();
  assert.equal(read(), AFTER.replace('and\n', ''));
});

test('comments are sent together, with what they are about', async (context) => {
  const { room, document, told } = await opened(context);
  const thread = { uri: document.uri, range: new Range(3, 0, 3, 4), comments: [], dispose: () => undefined };
  await room.commands.addComment({ thread, text: 'Why?' });
  assert.equal(shown.keys['codexTasks.changes.comments'], true);
  await room.commands.sendComments();
  assert.match(told.prompts[0] ?? '', /a\.txt, line 4 .*:\n> the quoted line\nWhy\?$/);
  assert.equal(shown.keys['codexTasks.changes.comments'], false);
});

test('comments that were not sent outlive a restart, and none is sent twice', async (context) => {
  const state = new State();
  const first = await opened(context, state);
  const thread = {
    uri: first.document.uri,
    range: new Range(3, 0, 4, 4),
    comments: [],
    dispose: () => undefined,
  };
  await first.room.commands.addComment({ thread, text: 'Why?' });
  await first.room.commands.addComment({ thread, text: 'And how?' });
  first.room.dispose();

  workspace.workspaceFolders = [{ uri: Uri.file(first.root) }];
  const again = await first.again();
  assert.equal(shown.keys['codexTasks.changes.comments'], true);
  await again.commands.sendComments();
  assert.match(first.told.prompts[0] ?? '', /a\.txt, lines 4 to 5 [^]*Why\?[^]*And how\?$/);
  assert.equal(first.told.prompts.length, 1);
  await first.again();
  assert.equal(shown.keys['codexTasks.changes.comments'], false);
});

test('a file of the result goes to the clipboard as a command, an image to its viewer', async (context) => {
  const { room } = await opened(context);
  const files = room.tree.children(room.tree.children()[0]);
  await room.commands.copyApplyCommand(files[1]);
  assert.match(shown.clipboard, /git apply .*\ndiff --git a\/a\.txt b\/a\.txt\n/);
  await room.commands.openChange(files[2]);
  const [name, base, after] = shown.executed.at(-1)!;
  assert.equal(name, 'vscode.diff');
  for (const uri of [base, after])
    assert.equal((JSON.parse((uri as Uri).query) as { kind: string }).kind, 'blob');
});

test('an untrusted folder is only shown', async (context) => {
  const { room, read } = await opened(context);
  workspace.isTrusted = false;
  context.after(() => (workspace.isTrusted = true));
  await assert.rejects(async () => room.commands.acceptAllChanges(room.tree.children()[0]), /not trusted/);
  assert.equal(read(), TEXT);
});

test('a closed review leaves no bar and no row', async (context) => {
  const { room, rows } = await opened(context);
  await room.commands.closeReview(room.tree.children()[0]);
  assert.deepEqual(rows(), []);
  assert.equal(shown.controls[0]!.disposed, true);
  assert.equal(shown.keys['codexTasks.changes.open'], false);
});
