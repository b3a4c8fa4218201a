/** The handshake's answer: one line of JSON, and nothing lost of what follows it. */
import type { Duplex } from 'node:stream';
import { DOOR_JSON_BYTES, HELLO_LINE_BYTES } from '../../protocol/door.ts';
import type { DoorWelcome } from '../../protocol/door.ts';
import { Welcome } from './answers.ts';
import { DoorBroken } from './door-errors.ts';

/** A container's processes start slowly on a busy machine; the pump itself gives up after 15 s. */
const WELCOME_TIMEOUT_MS = 20_000;

/** The first line; what follows it is HTTP/2 and goes back into the channel. */
export function readWelcome(channel: Duplex): Promise<DoorWelcome> {
  return new Promise((resolve, reject) => {
    let line = Buffer.alloc(0);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      channel.off('readable', onReadable);
      channel.off('close', onClose);
      settle();
    };
    const fail = (why: string): void => finish(() => reject(new DoorBroken(why)));
    const onClose = (): void => fail('the channel closed before the welcome');
    const timer = setTimeout(() => fail('no welcome in time'), WELCOME_TIMEOUT_MS);
    const onReadable = (): void => {
      for (let chunk: unknown; (chunk = channel.read()) !== null;) {
        line = Buffer.concat([line, chunk as Buffer]);
        const end = line.indexOf(0x0a);
        if (end >= 0) {
          if (end + 1 < line.length) channel.unshift(line.subarray(end + 1));
          return finish(() => {
            const parsed = Welcome.safeParse(parseJson(line.toString('utf8', 0, end)));
            if (parsed.success) resolve(parsed.data);
            else reject(new DoorBroken('the welcome is malformed'));
          });
        }
        if (line.length > HELLO_LINE_BYTES) return fail('the welcome is too long');
      }
    };
    channel.on('readable', onReadable);
    channel.once('close', onClose);
  });
}

export function parseJson(text: string): unknown {
  try {
    return text.length > DOOR_JSON_BYTES ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
