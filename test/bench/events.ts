/**
 * The event log: `node test/bench/events.ts` prints `name value unit budget` per line. A real backend
 * with the embedded database and real sockets; what a turn does is nothing.
 */
import { performance } from 'node:perf_hooks';
import type { TurnContext } from '../../server/tasks/turn-context.ts';
import { backend, client, finished, taskRequest } from '../integration/gateway/harness.ts';
import { NO_USAGE } from '../../protocol/events.ts';

const EVENTS = 10_000;
const SUBSCRIBERS = 100;
const LIVE_EVENTS = 50;
const SUBMISSIONS = 40;
const REPLAYS = 5;

let onTurn: (turn: TurnContext) => Promise<void> = async () => {};
const startedAt = performance.now();
const running = await backend({
  runTurn: async (turn) => {
    await onTurn(turn);
    await turn.finish({ answer: '', usage: NO_USAGE });
  },
});
print('backend-start', performance.now() - startedAt, 'ms', '-');
try {
  await submissions();
  await oneWrite();
  await replay();
  await live();
} finally {
  await running.close();
}

async function submissions(): Promise<void> {
  const one = await client(running.url);
  const delays: number[] = [];
  for (let round = 0; round < SUBMISSIONS; round++) {
    const submitted = performance.now();
    onTurn = async () => void delays.push(performance.now() - submitted);
    const { task } = await one.call('task.create', taskRequest());
    await one.call('task.subscribe', { taskId: task.id, after: 0 });
    await one.event((event) => event.taskId === task.id && finished(event));
  }
  one.close();
  print('submit-to-worker', percentile(delays, 0.5), 'ms', '20');
}

async function oneWrite(): Promise<void> {
  const times: number[] = [];
  await run(async (turn) => {
    for (let round = 0; round < 300; round++) {
      const before = performance.now();
      await turn.emit({ code: 'output', params: { itemId: 'i', offset: round, text: 'x'.repeat(1_000) } });
      times.push(performance.now() - before);
    }
  });
  print('event-stored', percentile(times, 0.5), 'ms', '-');
}

async function replay(): Promise<void> {
  const taskId = await run(async (turn) => {
    for (let sent = 0; sent < EVENTS; sent += 500) {
      await turn.emit(
        ...Array.from({ length: 500 }, (_, index) => ({
          code: 'output' as const,
          params: { itemId: 'i', offset: sent + index, text: `line ${sent + index}: ${'x'.repeat(80)}\n` },
        })),
      );
    }
  });
  const times: number[] = [];
  for (let round = 0; round < REPLAYS; round++) {
    const one = await client(running.url);
    const before = performance.now();
    await one.call('task.subscribe', { taskId, after: 0 });
    await one.event(finished);
    times.push(performance.now() - before);
    if (one.events.length < EVENTS) throw new Error(`only ${one.events.length} events`);
    one.close();
  }
  print('replay-10000-events', percentile(times, 0.5), 'ms', '300');
}

async function live(): Promise<void> {
  const clients = await Promise.all(Array.from({ length: SUBSCRIBERS }, () => client(running.url)));
  const subscribed = Promise.withResolvers<void>();
  const delays: number[] = [];
  const first = clients[0];
  if (!first) return;
  onTurn = async (turn) => {
    await subscribed.promise;
    for (let index = 0; index < LIVE_EVENTS; index++) {
      await turn.emit({
        code: 'output',
        params: { itemId: `live-${index}`, offset: 0, text: 'x'.repeat(200) },
      });
      const stored = performance.now();
      await Promise.all(
        clients.map((one) =>
          one
            .event((event) => event.params.itemId === `live-${index}`)
            .then(() => delays.push(performance.now() - stored)),
        ),
      );
    }
  };
  const { task } = await first.call('task.create', taskRequest());
  await Promise.all(clients.map((one) => one.call('task.subscribe', { taskId: task.id, after: 0 })));
  subscribed.resolve();
  await first.event(finished);
  print('event-to-100-subscribers-p99', percentile(delays, 0.99), 'ms', '50');
  for (const one of clients) one.close();
}

/** A task whose turn does this; resolves once it has ended. */
async function run(work: (turn: TurnContext) => Promise<void>): Promise<string> {
  const one = await client(running.url);
  onTurn = work;
  const { task } = await one.call('task.create', taskRequest());
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  await one.event(finished);
  one.close();
  return task.id;
}

function percentile(values: number[], part: number): number {
  return values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? NaN;
}

function print(name: string, value: number, unit: string, budget: string): void {
  console.log(`${name} ${value.toFixed(1)} ${unit} ${budget}`);
}
