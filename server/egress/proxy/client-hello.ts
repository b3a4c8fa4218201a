/**
 * The first bytes in a tunnel (RFC 8446 §4.1.2, RFC 6066 §3): is it TLS, for which name, and which
 * protocols does it offer? Pure. What is not exactly a ClientHello is no TLS; a ClientHello that names
 * two servers, or the same extension twice, names none that could be trusted and is no TLS either.
 */
import type { ClientHelloFacts } from '../policy/index.ts';

/** With post-quantum keys a hello has 2 KB; what is longer than this only wants to be stored. */
export const HELLO_MAX_BYTES = 32 * 1024;

const RECORD_HEADER = 5;
const RECORD_MAX = 16 * 1024;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0x0000;
const ALPN = 0x0010;
const ENCRYPTED_CLIENT_HELLO = 0xfe0d;
const NOT_TLS: Hello = { facts: { tls: false }, alpn: [] };

export interface Hello {
  facts: ClientHelloFacts;
  alpn: string[];
}

/** Null: more bytes are needed to tell. */
export function readClientHello(bytes: Buffer): Hello | null {
  const handshake = collectHandshake(bytes);
  if (handshake === 'more') return bytes.length > HELLO_MAX_BYTES ? NOT_TLS : null;
  if (handshake === 'other') return NOT_TLS;
  try {
    return readHello(new Reader(handshake));
  } catch {
    return NOT_TLS;
  }
}

/** The first handshake message, which may be spread over several records. */
function collectHandshake(bytes: Buffer): Buffer | 'more' | 'other' {
  const parts: Buffer[] = [];
  let have = 0;
  for (let at = 0; ;) {
    if (at < bytes.length && bytes[at] !== HANDSHAKE) return 'other';
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return 'other';
    if (at + RECORD_HEADER > bytes.length) return 'more';
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > RECORD_MAX) return 'other';
    const part = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    if (have === 0 && part.length > 0 && part[0] !== CLIENT_HELLO) return 'other';
    parts.push(part);
    have += part.length;
    if (have >= 4) {
      const whole = Buffer.concat(parts);
      const wanted = 4 + whole.readUIntBE(1, 3);
      if (wanted > HELLO_MAX_BYTES) return 'other';
      if (have > wanted) return 'other';
      if (have === wanted) return whole.subarray(4);
    }
    if (part.length < length) return 'more';
    at += RECORD_HEADER + length;
  }
}

function readHello(hello: Reader): Hello {
  hello.skip(2 + 32);
  hello.vector(1);
  hello.vector(2);
  hello.vector(1);
  let serverName: string | null = null;
  let encrypted = false;
  const alpn: string[] = [];
  const seen = new Set<number>();
  const extensions = hello.ended ? new Reader(Buffer.alloc(0)) : new Reader(hello.vector(2));
  if (!hello.ended) throw new RangeError('bytes after the extensions');
  while (!extensions.ended) {
    const type = extensions.number(2);
    const body = new Reader(extensions.vector(2));
    if (seen.has(type)) throw new RangeError('an extension twice');
    seen.add(type);
    if (type === ENCRYPTED_CLIENT_HELLO) encrypted = true;
    if (type === SERVER_NAME) serverName = readServerName(body);
    if (type === ALPN) {
      const names = new Reader(body.vector(2));
      while (!names.ended) alpn.push(names.vector(1).toString('latin1'));
    }
  }
  return { facts: { tls: true, serverName, encrypted }, alpn };
}

/** Exactly one name, of the only type there is. */
function readServerName(body: Reader): string {
  const list = new Reader(body.vector(2));
  if (list.number(1) !== 0) throw new RangeError('no host name');
  const name = list.vector(2).toString('latin1');
  if (!list.ended || !body.ended || name === '') throw new RangeError('not one name');
  return name;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(size: number): number {
    const value = this.#bytes.readUIntBE(this.#at, size);
    this.#at += size;
    return value;
  }

  skip(size: number): void {
    if (this.#at + size > this.#bytes.length) throw new RangeError('too short');
    this.#at += size;
  }

  /** Bytes with their length, of this many bytes, in front. */
  vector(sizeOfLength: number): Buffer {
    const length = this.number(sizeOfLength);
    const start = this.#at;
    this.skip(length);
    return this.#bytes.subarray(start, start + length);
  }
}
