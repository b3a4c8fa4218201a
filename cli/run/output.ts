/** What `run` shows: for a person on standard output, or with `--json` for a program. */
import type { WireError } from '../../protocol/errors.ts';
import type { WireEvent } from '../../protocol/events.ts';
import type { RunResult } from '../../protocol/result.ts';
import type { AttemptView } from '../../protocol/rpc.ts';
import { durationWords, errorWords } from '../../client/words/index.ts';
import { paint, tameLine, tameText, wantsColour, type Paint } from '../terminal.ts';
import { sideBySide } from './side-by-side.ts';
import { Renderer, changeLines } from './render.ts';
import { reportLines } from './report.ts';

export interface Output {
  /** About the way: which backend, what is sent. */
  note(line: string): void;
  warn(line: string): void;
  event(event: WireEvent): void;
  /** About something slow; not kept anywhere. */
  progress(line: string): void;
  /** Several, once all have ended. */
  attempts(attempts: readonly AttemptView[]): void;
  end(result: RunResult, attempt: AttemptView | null): void;
}

/** Events and the result, one a line, on standard output; everything else on standard error. */
export function jsonOutput(): Output {
  const line = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
  return {
    note: () => undefined,
    warn: (text) => process.stderr.write(`${tameText(text)}\n`),
    event: line,
    progress: () => undefined,
    attempts: () => undefined,
    end: line,
  };
}

/** `hasSeveral` attempts: each line says whose it is. */
export function humanOutput(hasSeveral = false): Output {
  const colours = paint(wantsColour(process.stdout));
  const write = (text: string) => process.stdout.write(`${text}\n`);
  const renderers = new Map<number, Renderer>();
  const rendererOf = (attempt: number): Renderer => {
    const whose = hasSeveral ? attempt : 0;
    const mark = whose === 0 ? '' : colours.dim(`[${whose}] `);
    const renderer = renderers.get(whose) ?? new Renderer((text) => write(mark + text), colours);
    renderers.set(whose, renderer);
    return renderer;
  };
  const startedAt = Date.now();
  return {
    note: (text) => write(colours.dim(tameText(text))),
    warn: (text) => write(colours.yellow(tameText(text))),
    event: (event) => rendererOf(event.attempt).event(event),
    progress: (text) => {
      for (const part of text.trimEnd().split('\n')) write(colours.dim(`  ${tameLine(part)}`));
    },
    attempts: (attempts) => {
      for (const text of ['', colours.bold('Attempts'), ...sideBySide(attempts, colours), '']) write(text);
    },
    end: (result, attempt) => {
      for (const text of endLines(result, attempt, Date.now() - startedAt, colours)) write(text);
    },
  };
}

function endLines(result: RunResult, attempt: AttemptView | null, ms: number, colours: Paint): string[] {
  const lines = [''];
  // Of several, none of which was chosen, each has its own line already.
  const hasAnswer = result.answer !== '' && (attempt !== null || result.attemptResults === undefined);
  if (hasAnswer) lines.push(...result.answer.trimEnd().split('\n').map(tameLine), '');
  if (hasAnswer) lines.push(...reportLines(result, colours));
  if (attempt?.patch && attempt.patch.files > 0) {
    lines.push(colours.bold('Changes'), ...changeLines(attempt.files, attempt.patch, colours), '');
  }
  lines.push(statusLine(result, ms, colours));
  if (result.error && result.status !== 'cancelled') lines.push(sentence(result.error));
  if (result.patch) lines.push(`Patch: ${result.patch.path}`);
  return lines;
}

function statusLine({ status, usage, taskId }: RunResult, ms: number, colours: Paint): string {
  const mark = {
    completed: colours.green('✓ Completed'),
    failed: colours.red('✗ Failed'),
    cancelled: colours.yellow('– Cancelled'),
  }[status];
  const tokens = (usage.inputTokens + usage.outputTokens).toLocaleString('en-US');
  const cost = usage.requests > 0 ? `, ${usage.requests} model requests, ${tokens} tokens` : '';
  const task = taskId === null ? '' : `, task ${taskId}`;
  return `${mark} ${colours.dim(`in ${durationWords(ms)}${cost}${task}`)}`;
}

function sentence(error: WireError): string {
  return tameText(errorWords(error).text);
}
