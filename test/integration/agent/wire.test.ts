/**
 * Whole conversations on the wire, the same ones each way that events come: over HTTP, over a WebSocket,
 * and as chunks of Chat Completions. What may go wrong on the way must not change how they end.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { ModelSettings, ResponseItem } from '../../../server/model/model.ts';
import { RETRIES } from '../../../server/model/retries.ts';
import { parseScript, type Script } from '../../../server/model/scripted/script.ts';
import type { Event } from '../../../server/model/scripted/wire.ts';
import { stage, type Stage, type StageOptions } from './play.ts';

const WAYS = {
  http: { transport: 'sse', wire: 'responses' },
  webSocket: { transport: 'webSocket', wire: 'responses' },
  chat: { wire: 'chat' },
} satisfies Record<string, Partial<ModelSettings>>;
type Way = keyof typeof WAYS;
const ways = Object.keys(WAYS) as Way[];

const stages: Stage[] = [];

afterEach(async () => {
  await Promise.all(stages.splice(0).map((one) => one.close()));
});

async function playWithProcesses(
  way: Way,
  script: string | Script,
  options: StageOptions = {},
): Promise<Stage> {
  const played = await stage(script, { ...options, settings: { ...WAYS[way], ...options.settings } });
  stages.push(played);
  return played;
}

async function play(...args: Parameters<typeof playWithProcesses>): Promise<Stage> {
  const played = await playWithProcesses(...args);
  withoutProcesses(played);
  return played;
}

/** Hundreds of conversations are played here: their `echo`es are answered without a process each. */
function withoutProcesses({ sandbox }: Stage): void {
  sandbox.run = async (spec, { onOutput } = {}) => {
    sandbox.started.push(spec);
    const printed = Buffer.from(`${/echo (\S+)$/.exec(spec.argv.at(-1) ?? '')?.[1] ?? 'nothing'}\n`);
    onOutput?.(printed, 0);
    return { end: 'exited', exitCode: 0, durationMs: 1, outputBytes: printed.length, droppedBytes: 0 };
  };
}

function outputs(items: ResponseItem[]): string[] {
  return items.flatMap((item) => ('output' in item && typeof item.output === 'string' ? [item.output] : []));
}

/** What a person and the next turn see of how it ended, without what differs from run to run. */
function ending(played: Stage, answer: string) {
  const history = played.history.items.map((item) => {
    if (item.type === 'function_call') return ['call', item.name, item.arguments];
    if (item.type === 'function_call_output') return ['output', outputs([item])[0]?.split('Output:\n')[1]];
    return [item.type, 'role' in item ? item.role : '', 'content' in item ? item.content : ''];
  });
  return { answer, history, started: played.sandbox.started.map((spec) => spec.argv) };
}

/** Nothing in a request is beyond the schema, and no prefix changed. */
function assertClean(played: Stage): void {
  assert.deepEqual(played.server.problems, []);
  for (const request of played.server.requests) {
    assert.deepEqual(request.beyond, []);
    assert.doesNotMatch(request.step, /^400/);
  }
}

const CONVERSATION = `
turns:
  - steps:
      - {think: Look first., say: I look., run: [echo one, echo two]}
      - {say: And again., run: echo three}
      - say: 'It printed: {{output}}'
`;

const STEP_OF = (k: number, step: number, times = 1): Script => {
  const script = parseScript(CONVERSATION);
  const at = script.turns[0]?.steps[step];
  assert.ok(at);
  at.fault = { kind: 'cut', times, status: 500, message: 'x', headers: {}, after: k };
  return script;
};

for (const way of ways) {
  describe(`over ${way}`, () => {
    test('a conversation over two turns ends as it should, each request as the schema has it', async () => {
      const played = await play(way, CONVERSATION);
      const first = await played.run();
      assert.equal(first.answer, 'It printed: three');
      assert.ok(first.usage.inputTokens > 0 && first.usage.outputTokens > 0, JSON.stringify(first.usage));
      const again = await played.run({ turn: 2, prompt: 'and again' });
      assert.equal(again.answer, 'It printed: three');
      assert.equal(played.server.requests.length, 6);
      assert.ok(played.server.requests.every((request) => request.via === way));
      assertClean(played);
    });

    test('a stream that is cut after any of its events changes nothing of how it ends', async () => {
      const whole = await play(way, CONVERSATION);
      const expected = ending(whole, (await whole.run()).answer);
      // Before the first call is complete the request is repeated; after it the conversation goes on
      // from the call, and what the cut took is never told.
      for (let step = 0; step < 3; step++) {
        const events = await eventsOf(step);
        const firstCall = events.findIndex(isDoneCall);
        const ends = firstCall < 0 ? events.length - 1 : firstCall;
        const cuts = Array.from({ length: ends + 1 }, (_, k) => k);
        await Promise.all(
          cuts.map(async (k) => {
            const played = await play(way, STEP_OF(k, step));
            assert.deepEqual(
              ending(played, (await played.run()).answer),
              expected,
              `step ${step} cut at ${k}`,
            );
            // A kept connection that breaks before an answer is opened anew without a word.
            const told = way === 'webSocket' && step > 0 && k === 0 ? 0 : 1;
            assert.equal(played.of('warning').length, told, `step ${step} cut at ${k}`);
            assertClean(played);
          }),
        );
      }
    });

    test('a stream that is cut after a call has begun never runs the call twice', async () => {
      const events = await eventsOf(0);
      const from = events.findIndex(isDoneCall) + 1;
      const cuts = Array.from({ length: events.length - from }, (_, k) => from + k);
      await Promise.all(
        cuts.map(async (k) => {
          const played = await play(way, STEP_OF(k, 0));
          const { answer } = await played.run();
          assert.equal(answer, 'It printed: three', `cut at ${k}`);
          const ran = played.sandbox.started.map((spec) => spec.argv.join(' '));
          assert.equal(
            ran.filter((argv) => argv.includes('echo one')).length,
            1,
            `cut at ${k}: ${ran.join()}`,
          );
          assertClean(played);
        }),
      );
    });

    for (const [kind, fault, times] of [
      ['rateLimit', 'kind: status, status: 429', RETRIES.rateLimit.retries],
      ['serverError', 'kind: status, status: 503', RETRIES.serverError.retries],
      ['streamCut', 'kind: cut, after: 1', RETRIES.streamCut.retries],
      ['garbage', 'kind: garbage', RETRIES.garbage.retries],
      ['serverError', 'kind: failed', RETRIES.serverError.retries],
      ['timeout', 'kind: hang', RETRIES.timeout.retries],
    ] as const) {
      test(`${kind} (${fault}) may happen ${times} times in a row`, async () => {
        const played = await play(
          way,
          `turns: [{steps: [{say: hello, fault: {${fault}, times: ${times}}}]}]`,
          {
            client: { idleMs: kind === 'timeout' ? 150 : 10_000 },
          },
        );
        assert.equal((await played.run()).answer, 'hello');
        assert.equal(played.server.requests.length, times + 1);
        assert.deepEqual(
          played.of('warning').map(({ code, params }) => [code, params['reason'], params['of']]),
          Array.from({ length: times }, () => ['modelRetry', kind, times]),
        );
      });
    }

    test('Retry-After is waited for', async () => {
      const waited: number[] = [];
      const fault = "{kind: status, status: 429, headers: {retry-after: '7'}}";
      const played = await play(way, `turns: [{steps: [{say: hello, fault: ${fault}}]}]`, {
        client: { sleep: async (ms) => void waited.push(ms) },
      });
      assert.equal((await played.run()).answer, 'hello');
      assert.deepEqual(waited, [7_000]);
    });

    for (const [name, fault, code] of [
      ['a wrong key', '{kind: status, status: 401, times: 99}', 'modelUnauthorized'],
      ['a used-up quota', '{kind: status, status: 429, code: insufficient_quota, times: 99}', 'modelQuota'],
      [
        'a full context',
        '{kind: status, status: 400, code: context_length_exceeded, times: 99}',
        'modelContextFull',
      ],
      [
        'a full context in the stream',
        '{kind: failed, code: context_length_exceeded, times: 99}',
        'modelContextFull',
      ],
      ['an incomplete response', '{kind: incomplete, times: 99}', 'modelBadRequest'],
    ] as const) {
      test(`${name} ends the turn as ${code}, at once`, async () => {
        const played = await play(way, `turns: [{steps: [{say: hello, fault: ${fault}}]}]`);
        await assert.rejects(played.run(), (error) => error instanceof CodexError && error.code === code);
        assert.equal(played.of('warning').length, 0);
      });
    }

    test('a context that is full in the middle of the work ends it in order', async () => {
      const fault = '{kind: status, status: 400, code: context_length_exceeded, times: 99}';
      const played = await play(way, `turns: [{steps: [{run: echo 1}, {say: x, fault: ${fault}}]}]`);
      assert.equal((await played.run()).stoppedBy?.code, 'modelContextFull');
    });

    test('arguments of a megabyte arrive whole, and go out again', async () => {
      const command = `: ${'x'.repeat(1024 * 1024)}; echo ran`;
      const call = { name: 'shell', arguments: JSON.stringify({ command }) };
      const played = await playWithProcesses(way, { turns: [{ steps: [{ call }, { say: 'done' }] }] });
      assert.equal((await played.run()).answer, 'done');
      const kept = played.history.items.find((item) => item.type === 'function_call');
      assert.equal(kept?.arguments, call.arguments);
      assert.match(outputs(played.history.items)[0] ?? '', /Output:\nran/);
      assertClean(played);
    });

    test('a hundred calls in one response all get their answers, in order', async () => {
      const run = Array.from({ length: 100 }, (_, n) => `echo ${n}`);
      const played = await play(way, { turns: [{ steps: [{ run }, { say: 'done' }] }] });
      assert.equal((await played.run()).answer, 'done');
      assert.deepEqual(
        outputs(played.history.items).map((text) => text.split('Output:\n')[1]?.trim()),
        run.map((_, n) => String(n)),
      );
      assertClean(played);
    });

    test('calls that share an id are told apart, within a response and across them', async () => {
      const shell = (command: string) => ({
        name: 'shell',
        id: 'same',
        arguments: JSON.stringify({ command }),
      });
      const played = await play(way, {
        turns: [
          {
            steps: [{ call: [shell('echo 1'), shell('echo 2')] }, { call: shell('echo 3') }, { say: 'done' }],
          },
        ],
      });
      assert.equal((await played.run()).answer, 'done');
      assert.deepEqual(
        outputs(played.history.items).map((text) => text.split('Output:\n')[1]),
        ['1\n', '2\n', '3\n'],
      );
      assertClean(played);
    });

    for (const [name, call] of [
      ['arguments that are no JSON', { name: 'shell', arguments: '{"command": ' }],
      ['arguments that are a list', { name: 'shell', arguments: '["ls"]' }],
      ['no arguments at all', { name: 'shell', arguments: '' }],
      ['a tool that does not exist', { name: 'browse', arguments: '{"url": "x"}' }],
    ] as const) {
      test(`a call with ${name} is answered, and the conversation goes on`, async () => {
        const played = await play(way, { turns: [{ steps: [{ call }, { say: 'done' }] }] });
        assert.equal((await played.run()).answer, 'done');
        assert.equal(outputs(played.history.items).length, 1);
        assert.equal(played.sandbox.started.length, 0);
        assertClean(played);
      });
    }

    test('a model that never stops is stopped by the budget of requests', async () => {
      const played = await play(way, 'turns: [{steps: [{run: echo again}]}]');
      const outcome = await played.run({ limits: resolveLimits({ turnModelRequests: 7 }) });
      assert.equal(outcome.stoppedBy?.limit, 'turnModelRequests');
      assert.equal(played.server.requests.length, 7);
    });

    test('a model that returns nothing ends the turn with nothing', async () => {
      const played = await play(way, 'turns: [{steps: [{}]}]');
      const outcome = await played.run();
      assert.equal(outcome.answer, '');
      assert.equal(played.server.requests.length, 1);
    });
  });
}

for (const way of ['http', 'webSocket'] as const) {
  test(`events that come twice, out of order or are unknown change nothing, over ${way}`, async () => {
    const expected = await play(way, CONVERSATION);
    const end = ending(expected, (await expected.run()).answer);
    const unknown = { type: 'response.surprise', deep: { a: [1] }, sequence_number: 0 } as unknown as Event;
    const strange = { type: 'response.output_item.done', output_index: 90, item: { type: 'thing', id: 'x' } };
    for (const rewrite of [
      (events: Event[]) => events.flatMap((event) => [unknown, event]),
      (events: Event[]) => [...events.slice(0, -1), strange as unknown as Event, ...events.slice(-1)],
      // All but the end twice.
      (events: Event[]) => [...events.slice(0, -1).flatMap((event) => [event, event]), ...events.slice(-1)],
      // What announces a thing comes after the thing.
      (events: Event[]) => [
        ...events.filter((event) => event.type === 'response.output_item.done'),
        ...events.filter((event) => !/output_item.done|completed$/.test(event.type)),
        ...events.slice(-1),
      ],
      // Nothing but the end.
      (events: Event[]) => events.slice(-1),
    ]) {
      const played = await play(way, CONVERSATION, { server: { rewrite } });
      assert.deepEqual(ending(played, (await played.run()).answer), end, rewrite.toString());
      assertClean(played);
    }
  });

  test(`calls whose events come in another order are answered in the order they came, over ${way}`, async () => {
    const played = await play(way, CONVERSATION, {
      server: {
        rewrite: (events) => {
          const calls = events.filter(isDoneCall);
          const rest = events.filter((event) => !isDoneCall(event));
          return [...rest.slice(0, -1), ...calls.toReversed(), ...rest.slice(-1)];
        },
      },
    });
    assert.equal((await played.run()).answer, 'It printed: three');
    assert.deepEqual(
      outputs(played.history.items).map((text) => text.split('Output:\n')[1]),
      ['two\n', 'one\n', 'three\n'],
    );
    assertClean(played);
  });
}

function isDoneCall(event: Event): boolean {
  return event.type === 'response.output_item.done' && event.item.type === 'function_call';
}

/** The events of each response of the conversation, recorded. */
async function eventsOf(step: number): Promise<Event[]> {
  const recorded: Event[][] = [];
  const played = await play('http', CONVERSATION, {
    server: {
      rewrite: (events) => {
        recorded.push(events);
        return events;
      },
    },
  });
  await played.run();
  return recorded[step] ?? [];
}
