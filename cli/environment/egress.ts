/** `codex-tasks egress`: what a task asked the internet for, page by page. */
import { EXIT } from '../../protocol/result.ts';
import { askBackend } from '../ask.ts';
import { paint, wantsColour } from '../terminal.ts';
import { EGRESS_HELP, egressCommand } from './options.ts';
import { egressHead, egressLine } from './render.ts';

const PAGE_ENTRIES = 500;

export async function egress(args: string[]): Promise<number> {
  const command = egressCommand(args);
  if (command === 'help') {
    process.stdout.write(EGRESS_HELP);
    return EXIT.completed;
  }
  const { taskId, json, own } = command;
  const colours = paint(wantsColour(process.stdout));
  const write = (line: string) => process.stdout.write(`${line}\n`);
  await askBackend(own, async (connection) => {
    let shown = 0;
    for (let after = 0, more = true; more;) {
      const page = await connection.call('task.egress', { taskId, after, limit: PAGE_ENTRIES });
      if (!json && shown === 0 && page.entries.length > 0) write(egressHead(colours));
      for (const entry of page.entries) write(json ? JSON.stringify(entry) : egressLine(entry, colours));
      shown += page.entries.length;
      after = page.entries.at(-1)?.id ?? after;
      more = page.more;
    }
    if (shown === 0 && !json) write('The task asked the internet for nothing.');
  });
  return EXIT.completed;
}
