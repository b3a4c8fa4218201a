/** What a person says while a turn runs: taken up before the next request, once, also after a crash. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { Steer, Steering } from '../../../server/agent/steering.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;

afterEach(async () => {
  await on?.close();
  on = undefined;
});

const play = async (script: string): Promise<Stage> => (on = await stage(`turns:\n${script}`));

/** What is said, with how often the agent closed its ear. */
class Said implements Steering {
  closed = 0;
  readonly said: Steer[] = [];
  say(text: string): void {
    const position = this.said.length + 1;
    this.said.push({ id: `said-1-${position}`, position, text });
  }
  async after(position: number): Promise<Steer[]> {
    return this.said.filter((one) => one.position > position);
  }
  async close(position: number): Promise<Steer[]> {
    const more = await this.after(position);
    if (more.length === 0) this.closed++;
    return more;
  }
}

const SCRIPT = `
  - when: {prompt: '^use tabs'}
    steps: [{run: echo tabs}, {say: 'With tabs: {{output}}'}]
  - steps:
      - run: echo first
      - run: echo second
      - say: With spaces.
`;

const userTexts = (played: Stage, request: number): unknown[] =>
  (played.server.requests[request]?.body as { input: { role?: string; content?: unknown }[] }).input
    .filter((item) => item.role === 'user')
    .map((item) => item.content);

test('what is said while a command runs is in the next request, after the results', async () => {
  const played = await play(SCRIPT);
  const steering = new Said();
  played.history.onAppend = (items) => {
    if (items.some((item) => item.type === 'function_call') && steering.said.length === 0)
      steering.say('Use tabs, not spaces.');
  };
  const outcome = await played.run({ steering });
  assert.equal(outcome.answer, 'With tabs: tabs');
  assert.deepEqual(userTexts(played, 1), ['do it', 'Use tabs, not spaces.']);
  const types = played.history.items.map((item) => ('role' in item ? item.role : item.type));
  assert.deepEqual(types.slice(0, 4), ['user', 'function_call', 'function_call_output', 'user']);
  assert.deepEqual(
    played
      .of('item.completed')
      .flatMap(({ item }) => (item.type === 'message' && item.role === 'user' ? [item] : [])),
    [{ type: 'message', id: 'said-1-1', role: 'user', text: 'Use tabs, not spaces.' }],
  );
  assert.equal(steering.closed, 1);
  assert.equal(JSON.stringify(played.server.requests).includes('codexSteer'), false);
  assert.deepEqual(played.server.problems, []);
});

test('what is said as the answer is written is not lost: the turn goes on', async () => {
  const played = await play(SCRIPT);
  const steering = new Said();
  played.history.onAppend = (items) => {
    const isAnswer = items.some((item) => 'role' in item && item.role === 'assistant');
    if (isAnswer && steering.said.length === 0) steering.say('Use tabs, not spaces.');
  };
  const outcome = await played.run({ steering });
  assert.equal(outcome.answer, 'With tabs: tabs');
  assert.equal(played.server.requests.length, 5);
});

test('after a crash nothing is said twice and nothing is left out', async () => {
  const played = await play(SCRIPT);
  const steering = new Said();
  steering.say('Look around first.');
  let appends = 0;
  played.history.onAppend = () => {
    if (++appends === 4) throw new Error('crash');
  };
  await assert.rejects(played.run({ steering }), /crash/);
  played.history.onAppend = () => {};
  steering.say('Use tabs, not spaces.');
  const outcome = await played.run({ steering });
  assert.equal(outcome.answer, 'With tabs: tabs');
  const said = played.history.items.flatMap((item) =>
    'role' in item && item.role === 'user' ? [(item as { content: unknown }).content] : [],
  );
  assert.deepEqual(said, ['do it', 'Look around first.', 'Use tabs, not spaces.']);
});

test('a turn whose answer was stored goes on for what was said before its end was', async () => {
  const played = await play(SCRIPT);
  const steering = new Said();
  await played.run({ steering });
  const requests = played.server.requests.length;
  assert.equal((await played.run({ steering })).answer, 'With spaces.');
  assert.equal(played.server.requests.length, requests);
  steering.say('Use tabs, not spaces.');
  assert.equal((await played.run({ steering })).answer, 'With tabs: tabs');
});
