/**
 * The start of a push, as git's protocol writes it: packets with a length in four hex digits, one
 * ref command each, up to a flush. Pure; it reads before git does, so that what may be pushed is
 * decided without a hook. (gitprotocol-pack: "Reference Update Request".)
 */
import { INCOMING_REF_PREFIX } from '../../protocol/http.ts';

/** Our client sends two commands of about 150 bytes; somebody's refspec glob must not fill memory. */
export const MAX_COMMAND_BYTES = 64 * 1024;
const MAX_COMMANDS = 16;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ZERO = /^0+$/;
const COMMAND = /^([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) ([^\0\n ]+)$/;
const SHALLOW = /^shallow ([0-9a-f]{40}|[0-9a-f]{64})$/;

export interface RefCommand {
  from: string;
  to: string;
  ref: string;
}

export type CommandsRead =
  | { state: 'incomplete' }
  | { state: 'malformed'; reason: string }
  | { state: 'complete'; commands: RefCommand[] };

export function readCommands(bytes: Buffer): CommandsRead {
  const commands: RefCommand[] = [];
  let at = 0;
  for (;;) {
    if (bytes.length < at + 4) return { state: 'incomplete' };
    const digits = bytes.toString('latin1', at, at + 4);
    if (!/^[0-9a-f]{4}$/i.test(digits)) return { state: 'malformed', reason: 'not a packet' };
    const length = Number.parseInt(digits, 16);
    if (length === 0) return { state: 'complete', commands };
    if (length < 4) return { state: 'malformed', reason: 'an unexpected delimiter' };
    if (bytes.length < at + length) return { state: 'incomplete' };
    const packet = bytes.toString('latin1', at + 4, at + length);
    at += length;

    const text = (packet.split('\0', 1)[0] ?? '').replace(/\n$/, '');
    // Sent by a shallow clone. git refuses what would make our repository shallow.
    if (SHALLOW.test(text)) continue;
    const match = COMMAND.exec(text);
    if (!match) return { state: 'malformed', reason: 'not a ref command' };
    const [, from = '', to = '', ref = ''] = match;
    commands.push({ from, to, ref });
    if (commands.length > MAX_COMMANDS) return { state: 'malformed', reason: 'too many ref commands' };
  }
}

/** Only making a ref of the incoming kind; never a change or a removal, never another name. */
export function mayPush(command: RefCommand): boolean {
  return (
    ZERO.test(command.from) &&
    !ZERO.test(command.to) &&
    command.ref.startsWith(INCOMING_REF_PREFIX) &&
    UUID.test(command.ref.slice(INCOMING_REF_PREFIX.length))
  );
}

export function packet(text: string): string {
  return (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text;
}
