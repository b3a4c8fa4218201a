import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { errorWords } from '../../../client/words/index.ts';
import type { CodexError, ErrorCode } from '../../../protocol/errors.ts';
import { git, write } from '../../support/git.ts';
import { status, type Fault } from '../../support/github/index.ts';
import { openWorld, REPO, type World } from './world.ts';

const CREATE = 'POST /repos/{owner}/{repo}/pulls';

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

let count = 0;
let taskId = '';
let title = '';
beforeEach(async () => {
  count += 1;
  title = `Fault ${count}`;
  taskId = (await world.task({ edit: (dir) => write(dir, `file-${count}.txt`, `${count}\n`) })).id;
});

const branches = () =>
  git(world.github.gitDir(REPO), ['for-each-ref', '--format=%(refname:short)', 'refs/heads/codex/'])
    .split('\n')
    .filter((name) => name.startsWith(`codex/fault-${count}`));
const pulls = () =>
  world.github.repo(REPO).issues.filter(({ pull, title: of }) => pull !== null && of === title).length;

const refused = async (code: ErrorCode) => {
  await assert.rejects(
    world.create(taskId, { title, branch: `codex/fault-${count}` }),
    (error: CodexError) => {
      assert.equal(error.code, code);
      return true;
    },
  );
};
/** The task says why; trying again makes one branch and one pull request. */
const goesOn = async (code: ErrorCode) => {
  const { task } = await world.one.call('task.get', { taskId });
  assert.equal(task.pullRequest?.state, 'publishing');
  assert.equal(task.pullRequest?.error?.code, code);
  const pull = await world.create(taskId, { title, branch: `codex/fault-${count}` });
  assert.equal(pull.state, 'open');
  assert.equal(pull.error, undefined);
  assert.equal(pull.branch, `codex/fault-${count}`);
  assert.deepEqual(branches(), [`codex/fault-${count}`]);
  assert.equal(pulls(), 1);
  assert.equal(world.treeAt(pull.branch), await world.resultTree(taskId));
};

const UNKNOWN: Fault = {
  kind: 'answer',
  status: 422,
  body: {
    message: 'Validation Failed',
    errors: [{ resource: 'PullRequest', field: 'head', code: 'invalid' }],
    documentation_url: 'https://docs.github.com/rest/pulls/pulls#create-a-pull-request',
  },
};

test('a forge that does not know yet what was pushed is asked again', async () => {
  const armed = world.github.fault(CREATE, UNKNOWN, { times: 2 });
  const pull = await world.create(taskId, { title, branch: `codex/fault-${count}` });
  assert.deepEqual([pull.state, pulls(), armed.hits], ['open', 1, 2]);
});

test('one that goes on not to know it is told with what to do', async () => {
  const armed = world.github.fault(CREATE, UNKNOWN, { times: 20 });
  await refused('forgeRefused');
  armed.off();
  const { task } = await world.one.call('task.get', { taskId });
  const { error } = task.pullRequest ?? {};
  assert.match(error ? errorWords(error).text : '', /does not know the branch yet.*Try again in a moment\./);
  await goesOn('forgeRefused');
});

test('a token that expires before the push leaves nothing, and the next try goes on', async () => {
  const { github } = world;
  const value = github.addToken('octocat').value;
  assert.ok(value);
  github.fault('git refs receive-pack', status(401));
  await refused('forgeUnauthorized');
  assert.deepEqual(branches(), []);
  await goesOn('forgeUnauthorized');
});

for (const [name, on, fault, code] of [
  [
    'the network is cut in mid-push',
    'git receive-pack',
    { kind: 'cutRequest', afterBytes: 40 },
    'forgeUnavailable',
  ],
  [
    'the answer to the push is lost',
    'git receive-pack',
    { kind: 'cutAnswer', afterBytes: 0 },
    'forgeUnavailable',
  ],
  ['the forge is down when it is to be made', CREATE, status(503), 'forgeUnavailable'],
  ['it may not be made', CREATE, status(403), 'forgeForbidden'],
  ['the repository is gone for a moment', CREATE, status(404), 'forgeRepoUnknown'],
] as const satisfies readonly (readonly [string, string, Fault, ErrorCode])[]) {
  test(`${name}: it is said, and the next try makes one and no second`, async () => {
    const armed = world.github.fault(on, fault, { times: 10 });
    await refused(code);
    armed.off();
    await goesOn(code);
  });
}

test('a push whose answer was lost is still ours when that of a newer result breaks off as well', async () => {
  const { github } = world;
  github.fault('git receive-pack', { kind: 'cutAnswer', afterBytes: 0 });
  await refused('forgeUnavailable');
  await world.followUp(taskId, { edit: (dir) => write(dir, `file-${count}.txt`, 'newer\n') });
  const armed = github.fault('git receive-pack', status(503), { times: 10 });
  await refused('forgeUnavailable');
  armed.off();
  await goesOn('forgeUnavailable');
});

test('a pull request whose answer was lost is found, not made again', async () => {
  world.github.fault(CREATE, { kind: 'cutAnswer', afterBytes: 0 });
  const pull = await world.create(taskId, { title, branch: `codex/fault-${count}` });
  assert.equal(pull.state, 'open');
  assert.equal(pulls(), 1);
});

test('one that was merged before we heard of it is found, and its branch not pushed once more', async () => {
  const { github } = world;
  github.fault(CREATE, { kind: 'cutAnswer', afterBytes: 0 });
  const down = github.fault('GET /repos/{owner}/{repo}/pulls', status(503), { times: 10 });
  await refused('forgeUnavailable');
  down.off();
  const { number } = github.pulls(REPO).at(-1) ?? { number: 0 };
  await github.merge(REPO, number);
  await github.deleteBranch(REPO, `codex/fault-${count}`);
  const pull = await world.create(taskId, { title, branch: `codex/fault-${count}` });
  assert.deepEqual([pull.number, pull.state, pull.error], [number, 'merged', undefined]);
  assert.deepEqual(branches(), []);
});

test('what was confirmed last is what stands there, not what an earlier try had made of it', async () => {
  const { github } = world;
  const branch = `codex/fault-${count}`;
  await github.commit(REPO, 'next', { 'next.txt': `${count}\n` });
  // It is made, and neither that nor where it is gets known.
  github.fault(CREATE, { kind: 'cutAnswer', afterBytes: 0 });
  const down = github.fault('GET /repos/{owner}/{repo}/pulls', status(503), { times: 10 });
  await refused('forgeUnavailable');
  down.off();
  assert.equal(pulls(), 1);
  const earlier = title;
  title = `${title}, better`;
  // That does not get through either; what is gone on with is the newer wish.
  const deaf = github.fault('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', status(503), { times: 10 });
  const asked = { title, branch, body: 'In other words.', base: 'next' };
  await assert.rejects(world.create(taskId, asked));
  deaf.off();
  const { task } = await world.one.call('task.get', { taskId });
  assert.deepEqual([task.pullRequest?.title, task.pullRequest?.base], [title, 'next']);
  const pull = await world.create(taskId, asked);
  assert.deepEqual([pull.title, pull.base, pull.state], [title, 'next', 'open']);
  const there = github.repo(REPO).issues.filter((issue) => issue.pull?.headBranch === branch);
  assert.deepEqual(
    there.map((issue) => [issue.title, issue.body, issue.pull?.baseBranch]),
    [[title, 'In other words.', 'next']],
  );
  assert.notEqual(earlier, title);
  assert.deepEqual(branches(), [branch]);
});

test('one that somebody else made of our branch meanwhile keeps their words', async () => {
  const { github } = world;
  const branch = `codex/fault-${count}`;
  const down = github.fault(CREATE, status(503), { times: 10 });
  await refused('forgeUnavailable');
  down.off();
  const by = github.addToken('hubot', { scopes: ['repo'] }).value;
  const theirs = await world.pullByHand({ title: 'By hand', head: branch }, by);
  const pull = await world.create(taskId, { title, branch });
  assert.deepEqual([pull.number, pull.title], [theirs.number, 'By hand']);
});

test('another name that begins like the one of an earlier try is another branch', async () => {
  const wanted = `codex/fault-${count}`;
  const armed = world.github.fault(CREATE, status(403), { times: 10 });
  await assert.rejects(world.create(taskId, { title, branch: `${wanted}-long` }));
  armed.off();
  assert.equal((await world.create(taskId, { title, branch: wanted })).branch, wanted);
});

test('one that stands beside the name that was asked for is gone on with, too', async () => {
  const { github } = world;
  const folder = `folder-${count}`;
  await github.commit(REPO, folder, { 'theirs.txt': 'x\n' });
  const armed = github.fault(CREATE, status(503), { times: 10 });
  await assert.rejects(world.create(taskId, { title, branch: `${folder}/x` }));
  armed.off();
  assert.equal((await world.create(taskId, { title, branch: `${folder}/x` })).branch, `${folder}-x`);
  const there = git(github.gitDir(REPO), [
    'for-each-ref',
    '--format=%(refname:short)',
    `refs/heads/${folder}*`,
  ]);
  assert.deepEqual(there.split('\n'), [folder, `${folder}-x`]);
});

test('the branch to ask into is never the one that is pushed', async () => {
  const name = `codex/fault-${count}`;
  await world.github.commit(REPO, name, { 'base.txt': 'x\n' });
  const pull = await world.create(taskId, { title, branch: name, base: name });
  assert.deepEqual([pull.branch, pull.base], [`${name}-2`, name]);
});

test('nothing is pushed while the branch to ask into is not there, as in an empty repository', async () => {
  const { github } = world;
  const asked = { title, branch: `codex/fault-${count}`, base: `base-${count}` };
  await assert.rejects(world.create(taskId, asked), (error: CodexError) => {
    assert.equal(error.code, 'forgeRefused');
    assert.match(
      errorWords(error.wire).text,
      /no branch “base-\d+”.*nothing was pushed\. Choose another one/,
    );
    return true;
  });
  assert.deepEqual(branches(), []);
  await github.commit(REPO, asked.base, { 'base.txt': 'x\n' });
  assert.equal((await world.create(taskId, asked)).base, asked.base);
});

test('two people who ask at the same time get the same one', async () => {
  const asked = { title, branch: `codex/fault-${count}` };
  const both = await Promise.allSettled([world.create(taskId, asked), world.create(taskId, asked)]);
  assert.deepEqual(both.map(({ status: how }) => how).sort(), ['fulfilled', 'rejected']);
  assert.equal(pulls(), 1);
  assert.deepEqual(branches(), [`codex/fault-${count}`]);
});

test('what others push while we try is not overwritten: ours gets another name', async () => {
  const { github } = world;
  github.before('git receive-pack', () =>
    github.commit(REPO, `codex/fault-${count}`, { 'theirs.txt': 'x\n' }),
  );
  const pull = await world.create(taskId, { title, branch: `codex/fault-${count}` });
  assert.equal(pull.branch, `codex/fault-${count}-2`);
  assert.equal(git(github.gitDir(REPO), ['show', `codex/fault-${count}:theirs.txt`]), 'x');
});

test('a protected branch is refused with what the forge says', async () => {
  const { github } = world;
  github.protect(REPO, '*', { because: 'Only releases here.' });
  try {
    await refused('forgePushRefused');
  } finally {
    github.protect(REPO, '*', null);
  }
  await goesOn('forgePushRefused');
});

test('what a process that ended left half published is gone on with by the next one', async () => {
  const armed = world.github.fault(CREATE, { kind: 'silence' }, { times: 10 });
  const asked = world.create(taskId, { title, branch: `codex/fault-${count}` });
  asked.catch(() => undefined);
  while (world.github.asked('git receive-pack') === 0 || branches().length === 0)
    await new Promise((resolve) => setImmediate(resolve));
  await world.restart();
  armed.off();
  const { task } = await world.one.call('task.get', { taskId });
  assert.equal(task.pullRequest?.error?.code, 'shuttingDown');
  const pull = await world.create(taskId, { title, branch: `codex/fault-${count}` });
  assert.equal(pull.state, 'open');
  assert.equal(pulls(), 1);
  assert.deepEqual(branches(), [`codex/fault-${count}`]);
});
