/**
 * A task's events as a person reads them in a terminal: progress by phase with times, the live log
 * indented under its command, the answer, what changed. Text only: where it goes is the caller's.
 */
import type { FileChange, PatchSummary, TaskEvent, WireEvent } from '../../protocol/events.ts';
import { knownEvent } from '../../protocol/events.ts';
import type { CommandItem, Item } from '../../protocol/items.ts';
import {
  STATE_WORDS,
  bytesWords,
  cacheWords,
  changedLines,
  changeNotes,
  commandEndWords,
  compactionWords,
  durationWords,
  environmentParts,
  limitNearWords,
  limitWords,
  modelWords,
  phaseWords,
  warningWords,
} from '../../client/words/index.ts';
import { tameLine, tameName, type Paint } from '../terminal.ts';

/** Lines of one command that are shown as they come; the full log has the rest. */
const SHOWN_LINES_PER_COMMAND = 400;
/** Files that are listed; the patch has the rest. */
const SHOWN_FILES = 50;
/** A line without an end would be held for ever. */
const LONGEST_LINE_CHARS = 4_000;

/** A command that is running. Of several at once one is shown, the others wait with what they printed. */
interface Printing {
  /** What came after the last line break. */
  rest: string;
  /** Lines of output so far, shown or not. */
  count: number;
  waiting: string[];
  ended: boolean;
}

export class Renderer {
  readonly #write: (line: string) => void;
  readonly #paint: Paint;
  readonly #printing = new Map<string, Printing>();
  /** The newest message: shown once something follows it, since the last one is the answer. */
  #held: string | null = null;

  constructor(write: (line: string) => void, paint: Paint) {
    this.#write = write;
    this.#paint = paint;
  }

  event(wire: WireEvent): void {
    const event = knownEvent(wire);
    if (event) this.#known(event);
    else this.#write(this.#paint.dim(`  ${tameLine(wire.code)}`));
  }

  #known(event: TaskEvent): void {
    const paint = this.#paint;
    switch (event.code) {
      case 'turn.started':
        if (event.params.generation > 1) this.#write(paint.yellow('  Taken up again where it was.'));
        return;
      case 'task.created':
      case 'turn.finished':
      case 'patch.ready':
        return;
      case 'phase.started':
        return this.#write(`${paint.cyan('▸')} ${paint.bold(phaseWords(event.params.phase))}`);
      case 'phase.finished': {
        const { outcome, phase, durationMs } = event.params;
        const mark = { ok: paint.green('✓'), failed: paint.red('✗'), cancelled: paint.yellow('–') }[outcome];
        return this.#write(`${mark} ${phaseWords(phase)} ${paint.dim(durationWords(durationMs))}`);
      }
      case 'item.started':
        this.#showHeld();
        if (event.params.item.type === 'command') this.#commandStarted(event.params.item);
        return;
      case 'item.completed':
        if (event.params.item.type !== 'message') this.#showHeld();
        return this.#itemCompleted(event.params.item);
      case 'output':
        return this.#output(event.params.itemId, event.params.text);
      case 'environment.applied': {
        const { model, effort } = event.params;
        this.#write(paint.dim(`  Environment: ${tameLine(environmentParts(event.params).join(', '))}`));
        if (model !== undefined)
          this.#write(paint.dim(`  Model: ${tameLine(modelWords({ model, effort }))}`));
        return;
      }
      case 'environment.cache':
        return this.#write(paint.dim(`  Cache: ${tameLine(cacheWords(event.params))}`));
      case 'sandbox.started':
        return this.#write(
          paint.dim(
            `  Sandbox: ${event.params.kind}, ${event.params.how}, ${durationWords(event.params.durationMs)}`,
          ),
        );
      case 'sandbox.lost':
        return this.#write(paint.yellow(`  The sandbox was lost: ${tameLine(event.params.reason)}`));
      case 'limit.reached':
        return this.#write(paint.yellow(`  ${tameLine(limitWords(event.params.limit, event.params.value))}`));
      case 'warning':
        return this.#write(
          paint.yellow(`  ${tameLine(warningWords(event.params.code, event.params.params))}`),
        );
      case 'policy.denied':
        return this.#write(
          paint.yellow(`  No access to ${tameLine(event.params.host)}:${event.params.port}.`),
        );
      case 'secret.found':
        return this.#write(
          paint.yellow(`  ${tameName(event.params.path)} holds the secret ${tameLine(event.params.name)}.`),
        );
      case 'attempt.finished': {
        const { state, durationMs } = event.params;
        const colour = { completed: paint.green, failed: paint.red, cancelled: paint.yellow }[state];
        this.#held = null;
        return this.#write(
          `${colour(`Attempt ${event.attempt} ${STATE_WORDS[state]}`)} ${paint.dim(durationWords(durationMs))}`,
        );
      }
      case 'turn.steered':
        return this.#write(paint.dim(`  Said: ${tameLine(event.params.text.split('\n', 1)[0] ?? '')}`));
      case 'limit.near': {
        const { limit, used, value } = event.params;
        return this.#write(paint.yellow(`  ${tameLine(limitNearWords({ limit, used, value }))}`));
      }
      case 'attempt.chosen':
        return this.#write(paint.dim(`Attempt ${event.params.attempt} is chosen.`));
      case 'task.renamed':
      case 'usage.changed':
      case 'policy.changed':
      case 'approval.requested':
      case 'approval.answered':
      case 'sandbox.parked':
      case 'pullRequest.changed':
        return;
    }
  }

  #commandStarted(item: CommandItem): void {
    // Told again by a backend that took the turn up: it is the same command.
    if (this.#printing.has(item.id)) return;
    const printing: Printing = { rest: '', count: 0, waiting: [], ended: false };
    this.#printing.set(item.id, printing);
    const [first = '', ...more] = item.command.trimEnd().split('\n').map(tameLine);
    this.#show(printing, `  ${this.#paint.cyan('$')} ${first}`);
    for (const line of more) this.#show(printing, this.#paint.dim(`  > ${line}`));
  }

  #output(itemId: string, text: string): void {
    const printing = this.#printing.get(itemId);
    if (!printing) return;
    const lines = (printing.rest + text).split('\n');
    printing.rest = (lines.pop() ?? '').slice(-LONGEST_LINE_CHARS);
    for (const line of lines) this.#outputLine(printing, line);
  }

  #outputLine(printing: Printing, line: string): void {
    printing.count += 1;
    if (printing.count > SHOWN_LINES_PER_COMMAND) return;
    this.#show(printing, `    ${this.#paint.dim('│')} ${tameLine(line.slice(0, LONGEST_LINE_CHARS))}`);
  }

  #show(printing: Printing, line: string): void {
    if (this.#shown() === printing) this.#write(line);
    else printing.waiting.push(line);
  }

  /** The first that started and is still open. */
  #shown(): Printing | undefined {
    return this.#printing.values().next().value;
  }

  /** Those that have ended make way for the next, which catches up. */
  #showNext(): void {
    for (const [id, printing] of this.#printing) {
      for (const line of printing.waiting.splice(0)) this.#write(line);
      if (!printing.ended) return;
      this.#printing.delete(id);
    }
  }

  #itemCompleted(item: Item): void {
    switch (item.type) {
      case 'message':
        // The person's own prompt, and the answer comes at the end.
        if (item.role !== 'assistant') return;
        this.#showHeld();
        this.#held = item.text;
        return;
      case 'reasoning':
        for (const line of item.summary.split('\n')) this.#write(this.#paint.dim(`  ${tameLine(line)}`));
        return;
      case 'plan':
        for (const step of item.steps) {
          const mark = { pending: '·', inProgress: '▸', completed: '✓' }[step.state];
          this.#write(`  ${mark} ${tameLine(step.text)}`);
        }
        return;
      case 'command':
        return this.#commandEnded(item);
      case 'image':
        return this.#write(this.#paint.dim(`  ${tameName(item.path)} was shown to the model.`));
      case 'compaction':
        return this.#write(
          this.#paint.dim(
            `  ${compactionWords({ before: item.tokensBefore, after: item.tokensAfter, running: false })}`,
          ),
        );
    }
  }

  #showHeld(): void {
    const text = this.#held;
    this.#held = null;
    if (text === null) return;
    for (const line of text.trimEnd().split('\n')) this.#write(`  ${tameLine(line)}`);
  }

  #commandEnded(item: CommandItem): void {
    const paint = this.#paint;
    // It was started before we followed: its end is all that there is to show.
    if (!this.#printing.has(item.id)) this.#commandStarted(item);
    const printing = this.#printing.get(item.id);
    if (!printing) return;
    if (printing.rest !== '') this.#outputLine(printing, printing.rest);
    const hidden = printing.count - SHOWN_LINES_PER_COMMAND;
    if (hidden > 0) this.#show(printing, paint.dim(`    … ${hidden} more lines`));
    if (item.droppedBytes) {
      this.#show(printing, paint.dim(`    … ${bytesWords(item.droppedBytes)} more were dropped`));
    }
    const end = commandEndWords(item);
    const duration = paint.dim(durationWords(item.durationMs ?? 0));
    this.#show(printing, end === '' ? `    ${duration}` : `    ${paint.red(end)} ${duration}`);
    printing.ended = true;
    this.#showNext();
  }
}

/** What a result changes, one line a file, then the sums. */
export function changeLines(files: FileChange[], summary: PatchSummary, paint: Paint): string[] {
  const lines = files.slice(0, SHOWN_FILES).map((file) => `  ${changeLine(file, paint)}`);
  if (summary.files > lines.length) lines.push(paint.dim(`  … ${summary.files - lines.length} more files`));
  const binaries = summary.binaries > 0 ? `, ${count(summary.binaries, 'binary file')}` : '';
  lines.push(
    `  ${count(summary.files, 'file')}, ${paint.green(`+${summary.added}`)} ${paint.red(`−${summary.removed}`)}${binaries}`,
  );
  return lines;
}

const KIND_LETTERS: Record<FileChange['kind'], string> = {
  added: 'A',
  deleted: 'D',
  modified: 'M',
  renamed: 'R',
  copied: 'C',
  modeChanged: 'm',
  typeChanged: 'T',
};

function changeLine(file: FileChange, paint: Paint): string {
  const name = file.from
    ? `${tameName(file.from.path)} → ${tameName(file.path.path)}`
    : tameName(file.path.path);
  const { added, removed } = changedLines(file);
  const size = file.binary ? bytesWords(file.newBytes ?? file.oldBytes ?? 0) : '';
  const lines = [
    added > 0 ? paint.green(`+${added}`) : '',
    removed > 0 ? paint.red(`−${removed}`) : '',
  ].filter(Boolean);
  const facts = [lines.join(' '), ...changeNotes(file), size].filter(Boolean).join(', ');
  return `${KIND_LETTERS[file.kind]} ${name}${facts === '' ? '' : `  ${facts}`}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
