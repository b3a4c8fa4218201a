/**
 * What the model gets to read for a call, in the shape of its call: the texts of its commands, the command
 * it cites, and pictures.
 */
import { outputFor, patchOutputFor, shellOutputFor, type ShellOutput } from '../model/items.ts';
import type { NewEvent } from '../../protocol/events.ts';
import type { ResponseItem } from '../model/model.ts';
import type { CommandResult } from '../sandbox/sandbox.ts';
import type { OpenCall } from './history.ts';
import { withImages, type StoredImage } from './images.ts';

/** What one command came to, before it is put into the shape of its call. */
export interface Ran {
  /** Null: it was not even started. */
  result: CommandResult | null;
  /** What the model reads where its tool has one text. */
  text: string;
  output: string;
  images: StoredImage[];
  /** Not told yet: belongs with the answer. */
  told: NewEvent[];
}

/** The call's answer, what has to follow all answers, and what the log is to be told with it. */
export interface Answer {
  output: ResponseItem;
  after: ResponseItem[];
  told: NewEvent[];
}

/** Every kind of call has an answer of its own shape; pictures go where it takes some, else after it. */
export function answerOf(open: OpenCall, ran: Ran[]): Answer {
  return { ...shaped(open, ran), told: ran.flatMap((one) => one.told) };
}

function shaped(open: OpenCall, ran: Ran[]): Omit<Answer, 'told'> {
  const { call } = open;
  const images = ran.flatMap((one) => one.images);
  const text = ran.map((one) => one.text).join('\n');
  const separate = images.length === 0 ? [] : [imagesMessage(images)];
  switch (call.type) {
    case 'function_call':
    case 'custom_tool_call':
      return { output: withImages(outputFor(call, text), images), after: [] };
    case 'local_shell_call':
      return { output: outputFor(call, text), after: separate };
    case 'shell_call':
      return {
        output: shellOutputFor(
          call,
          ran.map((one, at) => shellOutput(open, one, at)),
        ),
        after: separate,
      };
    case 'apply_patch_call': {
      const [one] = ran;
      const isApplied = one?.result?.end === 'exited' && one.result.exitCode === 0;
      return { output: patchOutputFor(call, isApplied, text), after: separate };
    }
  }
}

/** In place of a command's: nothing ran, or nothing more is to be told. */
export function plainAnswer(output: ResponseItem): Answer {
  return { output, after: [], told: [] };
}

function imagesMessage(images: StoredImage[]): ResponseItem {
  const names = images.map(({ name }) => name).join(', ');
  return withImages({ type: 'message', role: 'user', content: `[view_image: ${names}]` }, images);
}

/** Both streams in their order; what is not the command's own words stands apart. */
function shellOutput(open: OpenCall, { result, text, output }: Ran, at: number): ShellOutput {
  const stdout = at === 0 ? cited(open, output) : output;
  if (result?.end === 'exited' || result?.end === 'signalled') {
    return { stdout, stderr: '', outcome: { type: 'exit', exit_code: result.exitCode } };
  }
  if (result?.end === 'timedOut') return { stdout, stderr: '', outcome: { type: 'timeout' } };
  const stderr = output === '' ? text : (text.split('\nOutput:\n', 1)[0] ?? '');
  return { stdout: output, stderr, outcome: { type: 'exit', exit_code: result?.exitCode ?? 1 } };
}

/** How an answer cites the command: the model reads it with the output. */
export function numberOf(open: OpenCall): number {
  return open.ordinal + 1;
}

export function cited(open: OpenCall, text: string): string {
  return `[command ${numberOf(open)}]\n${text}`;
}
