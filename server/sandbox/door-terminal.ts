/**
 * A terminal as the backend sees it through the door: one stream whose body is what is typed and whose
 * answer is what is printed, and small requests beside it for its size and for how much was taken.
 */
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { CodexError } from '../../protocol/errors.ts';
import { EXIT_TRAILER, TERMINAL_AHEAD_BYTES } from '../../protocol/door.ts';
import type { DoorTerminal } from '../../protocol/door.ts';
import { ExitCode } from './answers.ts';
import type { Terminal } from './sandbox.ts';

export type DoorTerminalSpec = DoorTerminal;
/** The next bytes come once it has resolved. */
export type TakeOutput = (bytes: Buffer) => void | Promise<void>;

/** What it needs of its door. */
export interface DoorRequests {
  open(method: string, path: string): ClientHttp2Stream;
  accepted(stream: ClientHttp2Stream): Promise<void>;
  tell(method: string, path: string): Promise<unknown>;
}

/** Told often enough that the program never waits for a reader that keeps up. */
const TELL_TAKEN_BYTES = TERMINAL_AHEAD_BYTES / 4;

export async function openTerminal(
  door: DoorRequests,
  id: string,
  spec: DoorTerminalSpec,
  onOutput: TakeOutput,
): Promise<Terminal> {
  const path = `/terminals/${id}`;
  const stream = door.open('POST', path);
  let trailers: IncomingHttpHeaders | undefined;
  stream.once('trailers', (headers: IncomingHttpHeaders) => (trailers = headers));
  stream.write(`${JSON.stringify(spec)}\n`);
  try {
    await door.accepted(stream);
  } catch (error) {
    stream.close();
    // A sandbox that an older version of us made, kept since.
    if (error instanceof CodexError && error.code === 'notFound')
      throw new CodexError('terminalUnavailable', { oldSandbox: id }, { cause: error });
    throw error;
  }
  // What can't be told any more was for a terminal that has ended.
  const tell = (query: string): void => void door.tell('PUT', `${path}?${query}`).catch(() => {});
  const closed = new Promise<null>((resolve) => {
    if (stream.destroyed) resolve(null);
    else stream.once('close', () => resolve(null));
  });
  const printed = followOutput(stream, onOutput, closed, (taken) => tell(`taken=${taken}`));
  return {
    write: (bytes) =>
      new Promise((resolve) => {
        if (stream.destroyed || stream.writableEnded) return resolve();
        stream.write(bytes, () => resolve());
        void closed.then(() => resolve());
      }),
    resize: (columns, rows) => tell(`columns=${columns}&rows=${rows}`),
    close: () => stream.close(),
    ended: Promise.all([closed, printed]).then(() => {
      const code = ExitCode.safeParse(trailers?.[EXIT_TRAILER]);
      return code.success ? code.data : null;
    }),
  };
}

/** Until everything was taken, or the stream is closed and the reader does not take any more. */
async function followOutput(
  stream: ClientHttp2Stream,
  onOutput: TakeOutput,
  closed: Promise<null>,
  tellTaken: (bytes: number) => void,
): Promise<void> {
  let taken = 0;
  let told = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      await onOutput(chunk);
      taken += chunk.length;
      if (taken - told < TELL_TAKEN_BYTES) continue;
      told = taken;
      tellTaken(taken);
    }
    // The program has ended: our half of the stream, on which it could still be typed, ends too.
    stream.end();
  } catch {
    await closed;
  }
}
