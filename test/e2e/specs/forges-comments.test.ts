/**
 * Comments that start tasks, turned on and off in VS Code with the keyboard alone, at a stand-in GitHub that sends
 * signed webhooks: what a person is told before, the task in the list, the answer below the issue, and then nothing.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { defaultEnvironment } from '../../../protocol/environment.ts';
import type { TaskSummary } from '../../../protocol/rpc.ts';
import { openAtForge, REPO, TASK_TIMEOUT_MS, type AtForge } from '../harness/at-forge.ts';
import { connectTo } from '../harness/backend.ts';
import { withEvidence } from '../harness/session.ts';
import { eventually } from '../harness/window.ts';

const COMMAND = 'Codex: Answer @codex in Comments…';
const SECRET = 'what the webhooks of this spec are signed with';
/** Connected without webhooks; it is never asked. */
const DEAF = 'git.example.org';

let at: AtForge;
let token: string;
/** Of the issue that is commented on. */
let issue: number;

before(async () => {
  at = await openAtForge((github) => {
    token = github.addToken('octocat').value;
    process.env['CODEX_E2E_FORGE_TOKEN'] = token;
    process.env['CODEX_E2E_HOOK_SECRET'] = SECRET;
    return {
      script: 'comments.yaml',
      config: [
        'publicUrl: https://tasks.example',
        'forges:',
        `  '${github.host}':`,
        `    apiUrl: ${github.apiUrl}`,
        '    token: { env: CODEX_E2E_FORGE_TOKEN }',
        '    webhookSecret: { env: CODEX_E2E_HOOK_SECRET }',
        `  ${DEAF}:`,
        '    token: { env: CODEX_E2E_FORGE_TOKEN }',
      ].join('\n'),
    };
  });
  await asked((client) => client.call('environment.put', { environment: defaultEnvironment('small') }));
  issue = at.github.addIssue(REPO, { title: 'Prices are in euros', by: 'stranger' }).number;
});
after(async () => {
  await at?.close();
});

async function asked<T>(what: (client: ReturnType<typeof connectTo>) => Promise<T>): Promise<T> {
  const client = connectTo(at.backend);
  try {
    return await what(client);
  } finally {
    client.close();
  }
}

const tasks = (): Promise<TaskSummary[]> =>
  asked(async (client) => (await client.call('task.list', {})).tasks);

/** As GitHub sends it. */
async function comment(login: string, body: string): Promise<void> {
  const { github, backend } = at;
  const { id } = github.comment(REPO, issue, login, body);
  const { status } = await github.deliver(
    'issue_comment',
    github.events.issueComment('created', REPO, issue, id),
    { to: { url: `${backend.url}/api/v1/forges/${github.host}/webhook`, secret: SECRET } },
  );
  assert.equal(status, 202);
}

const answers = (): string[] =>
  at.github
    .repo(REPO)
    .issues.flatMap(({ number, comments }) => (number === issue ? comments : []))
    .flatMap(({ body }) => (body.includes('<!-- codex-tasks:') ? [body] : []));

/** The row that Enter goes to. */
const focused = (text: RegExp) =>
  at.window.page.locator('.quick-input-list .monaco-list-row.focused').filter({ hasText: text }).waitFor();

test('before comments start tasks a person reads what that means, and the webhook’s address is told', async () => {
  const { window, github } = at;
  await withEvidence(at, 'forges-comments-on', async () => {
    await window.runCommand(COMMAND);
    await window.waitForInput(/Enter turns it on or off/);
    await focused(/acme\/parcel.*off/s);
    await window.screenshot('forges-comments-off');
    await window.acceptInput();
    await window.answerInput(/In which environment do tasks from comments run/, 'small');
    await window
      .dialog()
      .getByText(/Let comments in acme\/parcel start tasks\?/)
      .waitFor();
    const said = await window.dialog().innerText();
    assert.match(said, /who may write to acme\/parcel/);
    assert.ok(said.includes(`https://tasks.example/api/v1/forges/${github.host}/webhook`));
    await window.screenshot('forges-comments-asked');
    await window.page.keyboard.press('Enter');
    await focused(/acme\/parcel.*on · environment small/s);
    await window.notification(/that begin with @codex start tasks now/);
    await window.screenshot('forges-comments-on');
    await window.page.keyboard.press('Escape');
    const { triggers } = await asked((client) => client.call('forge.listTriggers', {}));
    assert.deepEqual(
      triggers.map(({ repo, environment }) => [repo, environment]),
      [[REPO, 'small']],
    );
    await window.closeNotifications();
  });
});

test('a comment becomes a task in the list, and its answer a comment; who may not write starts none', async () => {
  const { window } = at;
  await withEvidence(at, 'forges-comments-task', async () => {
    await window.openSideBar();
    await comment('stranger', '@codex publish everything');
    await comment('octocat', '@codex count in francs');
    await window.taskRows().filter({ hasText: 'count in francs' }).waitFor({ timeout: TASK_TIMEOUT_MS });
    await eventually(
      'the answer',
      async () => answers().some((body) => body.includes('is done')),
      TASK_TIMEOUT_MS,
    );
    await window.taskRows().filter({ hasText: '1 file' }).waitFor();
    await window.screenshot('forges-comments-task');
    assert.equal(answers().length, 1);
    assert.match(answers()[0] ?? '', /The shop counts in francs\.[^]*1 file changed/);
    const [task, ...others] = await tasks();
    assert.deepEqual([task?.environment, task?.state, others], ['small', 'completed', []]);
  });
});

test('Enter turns it off, and then a comment starts nothing', async () => {
  const { window, github } = at;
  await withEvidence(at, 'forges-comments-off', async () => {
    await window.runCommand(COMMAND);
    await focused(/acme\/parcel.*on · environment small/s);
    await window.acceptInput();
    await focused(/acme\/parcel.*off/s);
    await window.page.keyboard.press('Escape');
    await comment('octocat', '@codex this is not heard');
    // Comments are worked on in their order: when the next one has its task, this one was decided on.
    await asked((client) => client.call('forge.setTrigger', { host: github.host, repo: REPO, on: true }));
    await comment('octocat', '@codex look at the shop');
    await window.taskRows().filter({ hasText: 'look at the shop' }).waitFor({ timeout: TASK_TIMEOUT_MS });
    assert.deepEqual((await tasks()).map(({ title }) => title).sort(), [
      'count in francs',
      'look at the shop',
    ]);
  });
});

test('a forge that sends no webhooks is told of with what to do, and by whichever address it is named', async () => {
  const { window } = at;
  await withEvidence(at, 'forges-comments-deaf', async () => {
    await window.runCommand(COMMAND);
    await window.answerInput(/Enter turns it on or off/, 'Another');
    await window.waitForInput(/the address of any page there/);
    await window.quickInput.fill('nothing');
    await window.page.getByText('A name like octocat/hello-world').waitFor();
    await window.answerInput(/the address of any page there/, `https://${DEAF}/team/app/issues/3`);
    await window.notification(/No webhook secret was agreed on with git\.example\.org/);
    await window.screenshot('forges-comments-deaf');
  });
});

test('neither token nor secret is in a log or on a page, and GitHub was asked as it is', async () => {
  const { backend, server, window, github } = at;
  const said = [backend.output(), await server.logs()];
  for (const frame of window.page.frames()) said.push(await frame.content().catch(() => ''));
  for (const secret of [token, SECRET]) assert.ok(!said.some((text) => text.includes(secret)));
  github.assertNoProblems();
});
