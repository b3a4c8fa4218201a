/**
 * A process that appends events from several writers at once, says on standard output what was
 * acknowledged, and is killed in the middle of it. Arguments: data folder, task, turn.
 */
import { openStore } from '../../../server/store/store.ts';
import { appendEvents } from '../../../server/tasks/events.ts';

const [dataDir = '', taskId = ''] = process.argv.slice(2);
const store = await openStore({ dataDir });
process.stdout.write('ready\n');
const writer = async () => {
  for (;;) {
    const stored = await store.write((tx) =>
      appendEvents(
        tx,
        { taskId, turn: 1, generation: 1 },
        Array.from({ length: 1 + Math.floor(Math.random() * 3) }, (_, offset) => ({
          code: 'output' as const,
          params: { itemId: 'i', offset, text: 'x'.repeat(200) },
        })),
        64 * 1024,
      ),
    );
    process.stdout.write(`${stored.at(-1)?.seq}\n`);
  }
};
await Promise.all([writer(), writer(), writer()]);
