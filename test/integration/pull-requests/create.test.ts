import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { CodexError } from '../../../protocol/errors.ts';
import { changeEverything, git, commitAll, repositoryOfEverything, write } from '../../support/git.ts';
import { openWorld, REPO, type World } from './world.ts';

let world: World;
before(async () => {
  world = await openWorld((dir) => void repositoryOfEverything(dir));
});
after(() => world.close());
beforeEach(() => world.github.assertNoProblems());

const code = (expected: string) => (error: CodexError) => {
  assert.equal(error.code, expected);
  return true;
};

test('a pull request has the sandbox’s tree byte for byte, one commit, signed off by the person', async () => {
  const { one, github } = world;
  const task = await world.task({
    edit: changeEverything,
    report: {
      proposal: { title: 'Größe ändern', body: 'What and why.' },
      checks: [{ command: 'npm test', outcome: 'passed' }],
    },
  });
  const { preview } = await one.call('pullRequest.preview', { taskId: task.id });
  assert.equal(preview.title, 'Größe ändern');
  assert.equal(preview.branch, 'codex/größe-ändern');
  assert.equal(preview.base, 'main');
  assert.match(
    preview.body,
    /^What and why\.\n\n### Checks\n\n- `npm test`: passed\n\n---\nTask \[\w+\]\(https:\/\/tasks\.example\/tasks\/\w+\) · Co-authored by Codex$/,
  );
  assert.deepEqual(
    {
      unpushed: preview.unpushedCommits,
      behind: preview.behind,
      conflicts: preview.conflicts,
      local: preview.localChanges,
    },
    { unpushed: 0, behind: 0, conflicts: [], local: false },
  );
  assert.ok(preview.files.some(({ binary }) => binary));
  assert.equal(github.asked('POST /repos/{owner}/{repo}/pulls'), 0, 'a preview writes nothing');
  assert.equal(github.asked('git receive-pack'), 0);

  const pull = await world.create(task.id, { draft: true });
  assert.equal(pull.state, 'open');
  assert.equal(pull.draft, true);
  assert.equal(pull.branch, 'codex/größe-ändern');
  assert.equal(world.treeAt(pull.branch), await world.resultTree(task.id));
  const dir = github.gitDir(REPO);
  assert.equal(git(dir, ['rev-list', '--count', `main..${pull.branch}`]), '1');
  assert.equal(
    git(dir, ['log', '-1', '--format=%an <%ae>%n%B', pull.branch]).trim(),
    'Ada <ada@example.com>\nGröße ändern\n\nSigned-off-by: Ada <ada@example.com>\nCo-authored-by: Codex <codex@codex-tasks.invalid>',
  );
  const { task: now } = await one.call('task.get', { taskId: task.id });
  assert.equal(now.review, 'pullRequest');
  assert.equal(now.pullRequest?.number, pull.number);
  assert.ok(one.events.some(({ taskId, code: of }) => taskId === task.id && of === 'pullRequest.changed'));
  await assert.rejects(world.create(task.id), code('pullRequestExists'));
});

test('a title is one line, wherever it comes from', async () => {
  const task = await world.task({ edit: (dir) => write(dir, 'title.txt', 'x\n') });
  const pull = await world.create(task.id, {
    title: ' One\n\tline\u0007 of it \r\n',
    branch: 'codex/one-line',
  });
  assert.equal(pull.title, 'One line of it');
  assert.equal((await world.github.pull(REPO, pull.number ?? 0)).title, 'One line of it');
});

test('who signs off is who the commit is by, however the name ends', async () => {
  const task = await world.task({ edit: (dir) => write(dir, 'signed.txt', 'x\n') });
  const author = { name: '"Al" Bert Jr.', email: "'al@example.com'" };
  const pull = await world.create(task.id, { title: 'Signed', author });
  const said = git(world.github.gitDir(REPO), [
    'log',
    '-1',
    '--format=%an <%ae>%n%(trailers:key=Signed-off-by,valueonly)',
    pull.branch,
  ]);
  const [by, signed] = said.split('\n');
  assert.equal(signed, by);
  assert.equal(by, 'Al" Bert Jr <al@example.com>');
});

test('a branch that is taken gets a number, and nothing of it is overwritten', async () => {
  const { github } = world;
  await github.commit(REPO, 'codex/taken', { 'theirs.txt': 'theirs\n' });
  const theirs = world.treeAt('codex/taken');
  const task = await world.task({ edit: (dir) => write(dir, 'new.txt', 'new\n') });
  const pull = await world.create(task.id, { title: 'Taken', branch: 'codex/taken' });
  assert.equal(pull.branch, 'codex/taken-2');
  assert.equal(world.treeAt('codex/taken'), theirs);
});

test('where a branch stands in the place of the name’s folder, or below it, another name is taken', async () => {
  const { one, github } = world;
  for (const [there, wanted, made] of [
    ['codex/room/below', 'codex/room', 'codex/room-2'],
    ['room', 'room/in/it', 'room-in/it'],
  ] as const) {
    await github.commit(REPO, there, { 'theirs.txt': 'theirs\n' });
    const task = await world.task({ edit: (dir) => write(dir, 'new.txt', 'new\n') }, { title: 'Room' });
    if (wanted === 'codex/room') {
      const { preview } = await one.call('pullRequest.preview', { taskId: task.id });
      assert.equal(preview.branch, made);
    }
    const pull = await world.create(task.id, { title: 'Room', branch: wanted });
    assert.deepEqual([pull.state, pull.branch], ['open', made]);
    assert.equal(world.treeAt(pull.branch), await world.resultTree(task.id));
  }
});

test('workflow files need a second yes, for this very result', async () => {
  const { one, github } = world;
  const task = await world.task({ edit: (dir) => write(dir, '.github/workflows/ci.yml', 'on: push\n') });
  const { preview } = await one.call('pullRequest.preview', { taskId: task.id });
  assert.deepEqual(preview.delicate, [{ path: '.github/workflows/ci.yml', why: 'workflow' }]);
  const pushes = github.asked('git receive-pack');
  await assert.rejects(world.create(task.id), code('forgeNotConfirmed'));
  await assert.rejects(world.create(task.id, { confirmed: 'x' }), code('forgeNotConfirmed'));
  assert.equal(github.asked('git receive-pack'), pushes);
  const { task: now } = await one.call('task.get', { taskId: task.id });
  assert.equal(now.pullRequest, undefined, 'a question is no state');
  const pull = await world.create(task.id, { confirmed: preview.delicateKey ?? '' });
  assert.equal(pull.state, 'open');
});

test('local changes are left out, or included, and what can’t be taken apart is said', async () => {
  const { one } = world;
  const local = (dir: string) => write(dir, 'local.txt', 'mine\n');
  const task = await world.task({ edit: (dir) => write(dir, 'agent.txt', 'agent\n') }, { local });
  const { preview } = await one.call('pullRequest.preview', { taskId: task.id });
  assert.equal(preview.localChanges, true);
  assert.deepEqual(
    preview.files.map(({ path }) => path.path),
    ['agent.txt'],
  );
  const pull = await world.create(task.id, { title: 'Without mine' });
  const files = git(world.github.gitDir(REPO), ['diff', '--name-only', 'main', pull.branch]);
  assert.equal(files, 'agent.txt');

  const second = await world.task({ edit: (dir) => write(dir, 'agent.txt', 'agent\n') }, { local });
  const both = await world.create(second.id, { title: 'With mine', localChanges: 'include' });
  assert.equal(world.treeAt(both.branch), await world.resultTree(second.id));
  assert.equal(
    git(world.github.gitDir(REPO), ['diff', '--name-only', 'main', both.branch]),
    'agent.txt\nlocal.txt',
  );

  const edits = (text: string) => (dir: string) => {
    write(dir, 'README.md', `# A project\n\n${text}\n`);
    write(dir, 'one, two.txt', `${text}\n`);
  };
  const third = await world.task({ edit: edits('The agent’s text.') }, { local: edits('My text.') });
  const { preview: clash } = await one.call('pullRequest.preview', { taskId: third.id });
  assert.deepEqual(clash.conflicts, ['README.md', 'one, two.txt']);
  await assert.rejects(world.create(third.id), (error: CodexError) => {
    assert.equal(error.code, 'forgeConflicts');
    assert.deepEqual(error.wire.params, { paths: 'README.md, one, two.txt' });
    return true;
  });
});

test('a base that has gone on is told, with what would conflict', async () => {
  const { one, github } = world;
  const task = await world.task({ edit: (dir) => write(dir, 'windows.txt', 'ours\r\n') });
  await github.commit(REPO, 'main', { 'windows.txt': 'theirs\r\n', 'other.txt': 'other\n' });
  const { preview } = await one.call('pullRequest.preview', { taskId: task.id });
  assert.equal(preview.behind, 1);
  assert.deepEqual(preview.conflicts, ['windows.txt']);
});

test('a repository that was renamed is found under its new name', async () => {
  const { github } = world;
  const task = await world.task({ edit: (dir) => write(dir, 'renamed.txt', 'x\n') });
  github.rename(REPO, 'octocat/app-two');
  try {
    const pull = await world.create(task.id, { title: 'Renamed' });
    assert.equal(pull.repo, 'octocat/app-two');
  } finally {
    github.rename('octocat/app-two', REPO);
  }
});

test('commits that the forge does not have are counted, and the template is filled in', async () => {
  const { one, folder } = world;
  const template = '## What\n\n## Checklist\n- [ ] docs\n';
  await world.github.commit(REPO, 'main', { '.github/PULL_REQUEST_TEMPLATE.md': template });
  git(folder, ['fetch', '-q', world.github.gitDir(REPO), 'main']);
  git(folder, ['reset', '-q', '--hard', 'FETCH_HEAD']);
  write(folder, 'mine.txt', 'not pushed\n');
  commitAll(folder, 'Not pushed');
  const task = await world.task({ edit: (dir) => write(dir, 'b.txt', 'b\n'), answer: 'Did it.' });
  const { preview } = await one.call('pullRequest.preview', { taskId: task.id });
  assert.equal(preview.unpushedCommits, 1);
  assert.match(preview.body, /^## What\n\nDid it\.\n\n## Checklist\n- \[ \] docs\n\n---/);
});

test('no token is in any log, event, row or error', async () => {
  const { one, token, logged } = world;
  const all = JSON.stringify([one.events, one.notified, logged, await one.call('task.list', {})]);
  assert.ok(!all.includes(token));
});
