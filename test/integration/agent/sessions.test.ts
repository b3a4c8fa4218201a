/** Commands in the background: looked at, typed to, stopped, and found again after a crash. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { AgentSandbox } from '../../../server/agent/agent.ts';
import type { ResponseItem } from '../../../server/model/model.ts';
import { MAX_SESSIONS } from '../../../server/agent/sessions.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;

afterEach(async () => {
  await on?.close();
  on = undefined;
});

/** Each step one call, given as the tool's name and its arguments. */
async function play(...steps: ([string, object] | [string, object][])[]): Promise<Stage> {
  const calls = steps.map((step) =>
    typeof step[0] === 'string' ? [step as [string, object]] : (step as [string, object][]),
  );
  const script = {
    turns: [
      {
        steps: [
          ...calls.map((some) => ({
            call: some.map(([name, args]) => ({ name, arguments: JSON.stringify(args) })),
          })),
          { say: 'done' },
        ],
      },
    ],
  };
  return (on = await stage(JSON.stringify(script)));
}

const start = (command: string, more: object = {}): [string, object] => [
  'shell',
  { command, background: true, yield_ms: 250, ...more },
];
const look = (more: object = {}, session = 1): [string, object] => [
  'shell_session',
  { session, wait_ms: 60_000, ...more },
];

function outputs(items: ResponseItem[]): string[] {
  return items.flatMap((item) => ('output' in item && typeof item.output === 'string' ? [item.output] : []));
}

/** What the command itself printed, over all looks. */
function printed(items: ResponseItem[]): string {
  return outputs(items)
    .map((text) => text.split('Output:\n').slice(1).join('Output:\n'))
    .join('');
}

const ends = (played: Stage) =>
  played.of('item.completed').flatMap(({ item }) => (item.type === 'command' ? [item] : []));

const DIALOGUE = 'echo ready; read a; echo "got $a"; read b; echo "and $b"; exit 5';

test('a command runs on, is typed to, and its end is told with what it printed, nothing twice', async () => {
  const played = await play(
    start(DIALOGUE),
    look({ input: 'one\n' }),
    look({ input: 'two\n' }),
    look(),
    look(),
    look(),
  );
  await played.run();
  const texts = outputs(played.history.items);
  assert.match(
    texts[0] ?? '',
    /^\[command 1\]\nSession: 1 \(still running\)\nWall time: [\d.]+ seconds\nOutput:\n/,
  );
  assert.match(texts.at(-1) ?? '', /^\[command \d\]\nExit code: 5\nWall time/);
  assert.equal(printed(played.history.items), 'ready\ngot one\nand two\n');
  const started = played.of('item.started').flatMap(({ item }) => (item.type === 'command' ? [item] : []));
  assert.deepEqual(
    started.map(({ background }) => background),
    [true],
  );
  assert.deepEqual(
    ends(played).map(({ end, exitCode, number }) => [end, exitCode, number]),
    [['exited', 5, 1]],
  );
  const log = played
    .of('output')
    .map(({ text }) => text)
    .join('');
  assert.equal(log, 'ready\ngot one\nand two\n');
  for (const { body } of played.server.requests)
    assert.equal(JSON.stringify(body).includes('codexSession'), false);
  assert.deepEqual(played.server.problems, []);
});

test('waiting for a command leaves no timer behind, however often it prints', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const played = await play(
    start('for i in 1 2 3 4 5 6; do sleep 0.3; echo $i; done', { yield_ms: 300 }),
    look(),
    look({ stop: true }),
  );
  const before = timers();
  await played.run();
  assert.ok(timers() <= before, `${timers()} timers, ${before} before`);
});

test('a command that ends before the call returns has no session', async () => {
  const played = await play(start('echo short; exit 3', { yield_ms: 30_000 }));
  await played.run();
  assert.match(
    outputs(played.history.items)[0] ?? '',
    /^\[command 1\]\nExit code: 3\nWall time.*\nOutput:\nshort\n$/,
  );
});

test('Ctrl+C interrupts a command, stop ends one that does not listen', async () => {
  const played = await play(
    start('sleep 1; trap "echo heard; exit 7" INT; echo up; while :; do sleep 0.05; done'),
    look(),
    look({ input: '\u0003' }),
    look(),
    start('trap "" INT TERM; echo deaf; while :; do sleep 0.05; done'),
    look({ stop: true }, 5),
  );
  await played.run();
  const texts = outputs(played.history.items);
  assert.match(texts[3] ?? '', /Exit code: 7/);
  assert.match(texts[5] ?? '', /stopped before its end/);
  assert.deepEqual(
    ends(played).map(({ end }) => end),
    ['exited', 'cancelled'],
  );
});

test('what runs at the end of the turn ends with it, and the next turn hears so', async () => {
  const played = await play(start('echo $$ > pid; sleep 600'));
  await played.run();
  assert.deepEqual(
    ends(played).map(({ end }) => end),
    ['cancelled'],
  );
  on = undefined;
  const next = await play(look());
  await next.run({ history: played.history, sandbox: played.sandbox, turn: 2, prompt: 'again' });
  assert.match(
    outputs(played.history.items).at(-1) ?? '',
    /Session 1 ended with the turn that it was started in/,
  );
  await next.close();
  on = played;
});

test('a cancelled turn kills what runs in the background, within a second, and tells it', async () => {
  const played = await play(start('echo up; sleep 600'), look(), look({ wait_ms: 300_000 }));
  const stop = new AbortController();
  let at = 0;
  const running = played.run({
    signal: stop.signal,
    emit: async (...events) => {
      played.events.push(...events);
      if (events.some(({ code }) => code === 'output')) {
        at = Date.now();
        stop.abort('cancelled');
      }
    },
  });
  await assert.rejects(running, { code: 'cancelled' });
  assert.ok(Date.now() - at < 5_000);
  assert.deepEqual(
    ends(played).map(({ end }) => end),
    ['cancelled'],
  );
});

test('calls to sessions that are not there, or are malformed, get an answer', async () => {
  const played = await play(
    look({}, 99),
    ['shell_session', { session: 'one' }],
    ['shell_session', { input: 'x' }],
    start('sleep 600'),
    look({}, 98),
    ['shell_session', { session: 4, input: 'x'.repeat(300 * 1024) }],
  );
  const outcome = await played.run();
  assert.equal(outcome.answer, 'done');
  const texts = outputs(played.history.items);
  assert.match(texts[0] ?? '', /There is no session 99\. No session is running\./);
  assert.match(texts[1] ?? '', /not as described: session/);
  assert.match(texts[2] ?? '', /not as described: session/);
  assert.match(texts[4] ?? '', /There is no session 98\. Sessions that are running: 4\./);
  assert.match(texts[5] ?? '', /longer than/);
  assert.equal(played.of('warning').length, 3);
});

test('a look does not wait behind a call that edits files', async () => {
  const played = await play(start('read x; touch go'), [
    [
      'shell',
      { command: 'apply_patch() { :; }; while [ ! -e go ]; do sleep 0.05; done; apply_patch; echo patched' },
    ],
    look({ input: 'go\n' }),
  ]);
  await played.run();
  assert.match(outputs(played.history.items)[1] ?? '', /patched/);
});

test('a person’s rules hold for what is typed, too', async () => {
  const played = await play(
    start('cat'),
    look({ input: 'rm -rf /\n' }),
    look({ input: 'echo fine\n\u0004' }),
    look(),
  );
  const desk = { ask: () => Promise.reject(new Error('nobody is to be asked')), wasAsked: async () => false };
  await played.run({ approve: { policy: { policy: 'never', deny: ['rm'], allow: [] }, desk } });
  assert.match(outputs(played.history.items)[1] ?? '', /Nothing was typed: .*denied/);
  assert.deepEqual(played.sandbox.typed, ['echo fine\n\u0004']);
});

test('a turn that is taken up again goes on with what runs: nothing is typed or told twice', async () => {
  const played = await play(
    start(DIALOGUE),
    look({ input: 'one\n' }),
    look({ input: 'two\n' }),
    look(),
    look(),
    look(),
  );
  // The backend goes down once at each of these points: a call is stored, an answer is, something was typed.
  const crashed = new Set<string>();
  const { sandbox } = played;
  for (let runs = 0; ; runs++) {
    assert.ok(runs < 40);
    const stop = new AbortController();
    const crashAt = (point: string) => {
      if (crashed.has(point)) return;
      crashed.add(point);
      stop.abort('shutdown');
    };
    played.history.onAppend = (items) => {
      if (stop.signal.aborted) throw new Error('the backend is gone');
      for (const item of items) {
        if (item.type === 'function_call' && item.name === 'shell_session')
          crashAt(`call ${played.history.items.length}`);
        if (item.type === 'function_call_output') crashAt(`answer ${played.history.items.length}`);
      }
    };
    const typing: AgentSandbox = {
      workdir: sandbox.workdir,
      how: sandbox.how,
      run: (spec, options) => sandbox.run(spec, options),
      find: (id) => sandbox.find(id),
      get: (path, most) => sandbox.get(path, most),
      put: (path, bytes, mode) => sandbox.put(path, bytes, mode),
      input: async (callId, inputId, bytes) => {
        const running = await sandbox.input(callId, inputId, bytes);
        crashAt(`typed ${inputId}`);
        return running;
      },
    };
    const outputStored = async (id: string) => {
      let stored: number | null = null;
      for (const { code, params } of played.events) {
        if (code === 'item.started' && params.item.id === id) stored ??= 0;
        if (code === 'output' && params.itemId === id)
          stored = params.offset + Buffer.byteLength(params.text);
      }
      return stored;
    };
    const itemEnded = async (id: string) => ends(played).some((item) => item.id === id);
    const emit = async (...events: Stage['events']) => {
      if (stop.signal.aborted) throw new Error('the backend is gone');
      played.events.push(...events);
    };
    try {
      const outcome = await played.run({
        sandbox: typing,
        signal: stop.signal,
        outputStored,
        itemEnded,
        emit,
      });
      assert.equal(outcome.answer, 'done');
      break;
    } catch (error) {
      assert.ok(stop.signal.aborted, String(error));
    }
  }
  assert.ok(crashed.size >= 8, [...crashed].join());
  assert.deepEqual(played.sandbox.typed, ['one\n', 'two\n']);
  assert.equal(played.sandbox.started.length, 1);
  assert.equal(printed(played.history.items), 'ready\ngot one\nand two\n');
  assert.match(outputs(played.history.items).at(-1) ?? '', /Exit code: 5|Session 1 has ended/);
  assert.deepEqual(
    ends(played).map(({ end }) => end),
    ['exited'],
  );
});

test('a session whose sandbox was lost is told as lost', async () => {
  const played = await play(start('sleep 600'), look(), look());
  const stop = new AbortController();
  played.history.onAppend = (items) => {
    if (items.some((item) => item.type === 'function_call' && item.name === 'shell_session'))
      stop.abort('shutdown');
  };
  await assert.rejects(played.run({ signal: stop.signal }));
  played.history.onAppend = () => {};
  const other = await stage('turns: [{steps: [{say: unused}]}]');
  try {
    await played.run({ sandbox: other.sandbox });
  } finally {
    await other.close();
  }
  assert.match(outputs(played.history.items)[1] ?? '', /Session 1 was lost with the sandbox that it ran in/);
  assert.deepEqual(
    ends(played).map(({ end }) => end),
    ['interrupted'],
  );
});

test('no more than so many run at once', async () => {
  const played = await play(Array.from({ length: MAX_SESSIONS + 1 }, () => start('sleep 600')));
  await played.run();
  const refused = outputs(played.history.items).filter((text) =>
    text.includes('run in the background already'),
  );
  assert.equal(refused.length, 1);
  assert.equal(played.sandbox.started.length, MAX_SESSIONS);
});
