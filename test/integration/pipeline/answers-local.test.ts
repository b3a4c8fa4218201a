/**
 * A turn of each mode over the real backend, with a real local sandbox: titles, plans, reports, a review's
 * findings; and what a hostile file of notes does.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { WireEvent } from '../../../protocol/events.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { TaskView } from '../../../protocol/rpc.ts';
import type { Mode } from '../../../protocol/states.ts';
import { startBackend, type Backend } from '../../../server/backend.ts';
import { openInternetProxy } from '../../../server/internet.ts';
import { createModelClient } from '../../../server/model/client.ts';
import type { ModelClient } from '../../../server/model/model.ts';
import { startScriptedModel, type ScriptedModel } from '../../../server/model/scripted/server.ts';
import { createRunTurn } from '../../../server/pipeline/index.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import { openRepos } from '../../../server/repos/store.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { client, finished, TOKEN, type TestClient } from '../gateway/harness.ts';

const dataDir = temporaryFolder('answers-data');
const folder = temporaryFolder('answers-repo');
const driver = createDriver({ kind: 'local', dataDir });
const block = (report: object) => `\`\`\`codex-report\n${JSON.stringify(report)}\n\`\`\``;
const finding = (path: string, startLine: number) => ({
  title: `Line ${startLine} breaks`,
  body: 'It throws.',
  priority: 1,
  confidence: 0.8,
  path,
  startLine,
  endLine: startLine,
});

/** Anything inside may write the file; ours is told apart from none of these. */
const HOSTILE = [
  'ln -s /etc/passwd "$CODEX_NOTES"',
  'ln -s /dev/zero "$CODEX_NOTES"',
  'mkfifo "$CODEX_NOTES"',
  'mkdir "$CODEX_NOTES"',
  'truncate -s 1G "$CODEX_NOTES"',
  'head -c 200000 /dev/urandom > "$CODEX_NOTES"',
];

const SCRIPT = {
  title: { say: 'Mend the sum' },
  turns: [
    {
      when: { prompt: '^hostile' },
      steps: [
        ...HOSTILE.map((command) => ({ run: `${command}; : update_plan` })),
        { run: 'echo on' },
        { say: 'It went on: {{output}}' },
      ],
    },
    {
      when: { mode: 'review' },
      steps: [
        { run: 'git diff HEAD~1' },
        {
          say: `I looked.\n${block({
            findings: [finding('src/a.ts', 2), finding('src/a.ts', 5)],
            verdict: { correct: false, explanation: 'It throws.', confidence: 0.9 },
          })}`,
        },
      ],
    },
    {
      when: { mode: 'ask' },
      steps: [
        { run: 'cat src/a.ts' },
        {
          say: `See src/a.ts:2 and [command 1].\n${block({ followUps: [{ title: 'Mend it', prompt: 'Mend src/a.ts.' }] })}`,
        },
      ],
    },
    {
      steps: [
        { run: "update_plan <<'PLAN'\n[>] Mend the sum\n[ ] Run the tests\nPLAN" },
        { run: ["sed -i 's/two/2/' src/a.ts", "update_plan '[x] Mend the sum\n[>] Run the tests'"] },
        {
          say: `Mended.\n${block({
            checks: [{ command: 'npm test', outcome: 'notRun', note: 'there are none' }],
            proposal: { title: 'Mend the sum', body: 'Two is 2.' },
          })}`,
        },
      ],
    },
  ],
};

let repos: Repos;
let model: ScriptedModel;
let running: Backend;
let one: TestClient;

before(async () => {
  repos = await openRepos({ dataDir });
  model = await startScriptedModel({ script: JSON.stringify(SCRIPT) });
  running = await startBackend({
    config: { port: 0, dataDir, token: TOKEN, version: '0.0.0', limits: resolveLimits() },
    repos,
    runTurn: createRunTurn({
      driver,
      repos,
      proxy: await openInternetProxy({ dataDir, owner: { allowPrivate: [], intercept: 'whenNeeded' } }),
      modelFor: () =>
        afterItsTitle(createModelClient({ name: 'scripted', apiKey: 'none', baseUrl: model.url })),
    }),
    sandbox: () => ({ kind: 'local', detail: '' }),
    model: () => ({ name: 'scripted', configured: true, scripted: true }),
  });
  one = await client(running.url);
  initRepository(folder);
  write(folder, 'src/a.ts', 'one\nthree\nfour\nfive\nsix\n');
  commitAll(folder);
  write(folder, 'src/a.ts', 'one\ntwo\nthree\nfour\nfive\nsix\n');
  commitAll(folder);
});

after(async () => {
  await running.close();
  await model.close();
  for (const ref of await driver.list()) await driver.remove(ref.name);
  removeFolder(dataDir);
  removeFolder(folder);
});

/** A turn ends without waiting for its task's title: here the conversation does wait, where one is looked for. */
function afterItsTitle(client: ModelClient): ModelClient {
  return {
    ...client,
    respond: async (request, hooks, signal) => {
      const waits =
        !request.cacheKey.endsWith('-title') && JSON.stringify(request.input).includes('mend teh');
      const named = ({ code, taskId }: WireEvent) =>
        code === 'task.renamed' && request.cacheKey.startsWith(taskId);
      if (waits) await one.event(named);
      return client.respond(request, hooks, signal);
    },
  };
}

async function run(mode: Mode, prompt: string): Promise<{ view: TaskView; events: WireEvent[] }> {
  const repoId = await repos.resolve({ name: 'project', remote: null, folder });
  const sha = git(folder, ['rev-parse', 'HEAD']).trim();
  const to = join(dataDir, 'repos', `${repoId}.git`);
  git(folder, ['push', '-q', to, `${sha}:refs/codex/in/${randomUUID()}`]);
  const { task } = await one.call('task.create', {
    requestId: randomUUID(),
    prompt,
    mode,
    repo: { repoId, name: 'project', sha, branch: 'main', includesLocal: false },
  });
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  await one.event((event) => event.taskId === task.id && finished(event));
  const view = (await one.call('task.get', { taskId: task.id })).task;
  return { view, events: one.events.filter((event) => event.taskId === task.id) };
}

const plansOf = (events: readonly WireEvent[]) =>
  events.flatMap(({ code, params }) => {
    const { item } = params as { item?: { type: string; id: string; steps: { state: string }[] } };
    return code === 'item.completed' && item?.type === 'plan' ? [item] : [];
  });

test('a change has a plan that is followed, its checks, and the text of a pull request', async () => {
  const { view, events } = await run('code', 'mend teh sum\nplease');
  assert.equal(view.state, 'completed', JSON.stringify(view.error));
  const [turn] = view.turnList;
  assert.equal(turn?.answer, 'Mended.');
  assert.deepEqual(turn?.report, {
    followUps: [],
    findings: [],
    checks: [{ command: 'npm test', outcome: 'notRun', note: 'there are none' }],
    proposal: { title: 'Mend the sum', body: 'Two is 2.' },
  });
  assert.deepEqual(
    plansOf(events).map(({ id, steps }) => [id, ...steps.map(({ state }) => state)]),
    [
      ['plan-1', 'inProgress', 'pending'],
      ['plan-1', 'completed', 'inProgress'],
    ],
  );
  assert.equal(view.patch?.files, 1, 'notes are no part of the result');
  assert.equal(view.title, 'Mend the sum');
});

test('a question is answered with citations and tasks that could follow', async () => {
  const { view } = await run('ask', 'what is this?');
  assert.equal(view.turnList[0]?.answer, 'See src/a.ts:2 and [command 1].');
  assert.deepEqual(view.turnList[0]?.report?.followUps, [{ title: 'Mend it', prompt: 'Mend src/a.ts.' }]);
});

test('a review’s findings are those in the newest commit; the others are in the text', async () => {
  const { view } = await run('review', 'look at it');
  const [turn] = view.turnList;
  assert.deepEqual(
    turn?.report?.findings.map(({ startLine }) => startLine),
    [2],
  );
  assert.equal(turn?.report?.verdict?.correct, false);
  assert.match(turn?.answer ?? '', /^I looked\.\n\n## Outside of the change\n\n.*Line 5 breaks/);
});

test('files of notes that are hostile make no plan and stop nothing', async () => {
  const { view, events } = await run('code', 'hostile');
  assert.equal(view.state, 'completed', JSON.stringify(view.error));
  assert.equal(view.turnList[0]?.answer, 'It went on: on');
  assert.deepEqual(plansOf(events), []);
  const exits = events.flatMap(({ code, params }) => {
    const { item } = params as { item?: { type: string; exitCode?: number } };
    return code === 'item.completed' && item?.type === 'command' ? [item.exitCode] : [];
  });
  assert.deepEqual(exits, [0, 0, 0, 0, 0, 0, 0], 'each was really there');
  const limits = events.filter(
    ({ code, params }) => code === 'limit.reached' && params['limit'] === 'notesBytes',
  );
  assert.equal(limits.length, 2, 'a file that is too long is told');
});
