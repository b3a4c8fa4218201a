/** Instructions to agents in a conversation: told before the prompt, and when a folder is touched. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { NO_AGENTS_FILES } from '../../../server/agent/agents-files.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;

afterEach(async () => {
  await on?.close();
  on = undefined;
});

const FILES = { 'AGENTS.md': 'Root rules.', 'ui/AGENTS.md': 'Rules of the interface.', 'ui/a.txt': 'a' };
const agentsFiles = { ...NO_AGENTS_FILES, inRepository: async () => Object.keys(FILES) };
const SCRIPT = `turns:
  - when: {prompt: 'Rules of the interface'}
    steps: [{run: cat ui/a.txt}, {say: 'By the rules: {{output}}'}]
  - steps: [{run: ls}, {run: cat ui/a.txt}, {say: never}]
`;

const users = (played: Stage): string[] =>
  played.history.items.flatMap((item) =>
    'role' in item && item.role === 'user' ? [String((item as { content: unknown }).content)] : [],
  );

test('a deeper file is announced at once, and told once a command has touched its folder', async () => {
  on = await stage(SCRIPT, { files: FILES });
  const outcome = await on.run({ agentsFiles });
  assert.equal(outcome.answer, 'By the rules: a');
  const [first, prompt, deeper, ...more] = users(on);
  assert.match(first ?? '', /Root rules\.[\s\S]*- ui\/AGENTS.md/);
  assert.equal(prompt, 'do it');
  assert.match(
    deeper ?? '',
    /^Instructions for ui\/ and what is below it, from ui\/AGENTS.md:[\s\S]*Rules of the interface/,
  );
  assert.deepEqual(more, []);
  assert.equal(JSON.stringify(on.server.requests).includes('codexAgentsFile'), false);
  assert.deepEqual(on.server.problems, []);
});

test('after a crash it is told if it had not been', async () => {
  on = await stage(SCRIPT, { files: FILES });
  const history = on.history;
  history.onAppend = (items) => {
    if (items.some((item) => 'codexAgentsFile' in item)) throw new Error('crash');
  };
  await assert.rejects(on.run({ agentsFiles }), /crash/);
  history.onAppend = () => {};
  assert.equal((await on.run({ agentsFiles })).answer, 'By the rules: a');
  assert.equal(users(on).filter((text) => text.startsWith('Instructions for ui/')).length, 1);
});

test('one that is too long is cut with a mark and a warning', async () => {
  on = await stage(SCRIPT, {
    files: { ...FILES, 'ui/AGENTS.md': `Rules of the interface ${'x'.repeat(500)}` },
  });
  await on.run({ agentsFiles, limits: resolveLimits({ agentsFileBytes: 100 }) });
  assert.match(users(on).at(-1) ?? '', /\[… ui\/AGENTS.md is cut here/);
  assert.deepEqual(
    on.of('warning').map(({ code, params }) => [code, params['path']]),
    [['agentsFileCut', 'ui/AGENTS.md']],
  );
});
