/** What a pull request by the person's own git would say, and which files of it need a second look. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownPreview } from '../../../client/pull-request/preview.ts';
import type { TaskView } from '../../../protocol/rpc.ts';
import { commitAll, git, write } from '../../support/git.ts';
import { scene, TASK_ID } from './scene.ts';

const TEMPLATE = '\ufeff## What\r\n\r\n## Tests\r\n- [ ] added\r\n';
const CHECKS = [{ command: 'npm test', outcome: 'passed' as const }];

function taskOf(sha: string): TaskView {
  const attempts = (some: object) => [{ attempt: 1, files: [], patch: { files: 1 }, ...some }];
  return {
    ...{ id: TASK_ID, title: 'The task' },
    repo: { repoId: 'r', name: 'work', sha, branch: 'main', includesLocal: false },
    turnList: [
      { turn: 1, attempts: attempts({}), report: { checks: [], proposal: { title: 'Once', body: 'Why.' } } },
      { turn: 2, attempts: attempts({}), answer: 'More.', report: { checks: CHECKS } },
    ],
  } as unknown as TaskView;
}

async function previewOf(at: ReturnType<typeof scene>, sha: string) {
  const task = taskOf(sha);
  const turn = task.turnList[1]!;
  const { root, push } = at;
  return ownPreview(root, push.remote, task, { turn, attempt: turn.attempts[0]! }, push.patch);
}

test('its text has the newest proposal, the checks that ran, and the task', async (context) => {
  const at = scene(context);
  const { title, body, branch } = await previewOf(at, at.base);
  assert.deepEqual([title, branch], ['Once', 'codex/once']);
  assert.equal(
    body,
    `Why.\n\n### Checks\n\n- \`npm test\`: passed\n\n---\nTask \`${TASK_ID}\` · Co-authored by Codex`,
  );
});

test('the repository’s template is filled in as the commit has it, wherever it is kept', async (context) => {
  const at = scene(context);
  for (const path of [
    'docs/pull_request_template.md',
    'PULL_REQUEST_TEMPLATE',
    '.github/Pull_Request_Template.md',
  ]) {
    write(at.root, path, path.startsWith('.') ? TEMPLATE : '## Another\n');
    const sha = commitAll(at.root, 'template');
    // What is being written is no template yet.
    write(at.root, path, '## Not committed\n');
    const { body } = await previewOf(at, sha);
    const heading = path.startsWith('.') ? '## What' : '## Another';
    assert.ok(body.startsWith(`${heading}\n\nWhy.`), body);
    git(at.root, ['checkout', '-q', '--', path]);
  }
  write(at.root, '.github/Pull_Request_Template.md', 'x'.repeat(70_000));
  assert.match((await previewOf(at, commitAll(at.root, 'large'))).body, /^## Another/);
});

test('a file that needs a second look is found where the list of files is cut', async (context) => {
  const at = scene(context, (folder) => {
    write(folder, 'a.txt', 'two\n');
    write(folder, '.github/workflows/ci.yml', 'on: push\n');
  });
  const preview = await previewOf(at, at.base);
  assert.deepEqual(preview.files, []);
  assert.deepEqual(preview.delicate, [{ path: '.github/workflows/ci.yml', why: 'workflow' }]);
  assert.ok(preview.delicateKey);
});
