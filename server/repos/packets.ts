/**
 * Git's protocol as a server elsewhere speaks it to us: packets, the list of refs, a pack beside what the server
 * has to say, the report of a push. Pure; every length and count is the server's claim and is checked.
 * (gitprotocol-common, -pack, -v2, -http.)
 */
import type { ObjectFormat } from './key.ts';

/** `cut`: the bytes ended too early. `malformed`: this is not git's protocol. `tooLong`: more than anybody needs. */
export class PacketError extends Error {
  readonly how: 'cut' | 'malformed' | 'tooLong';

  constructor(how: 'cut' | 'malformed' | 'tooLong', what: string) {
    super(`${how}: ${what}`);
    this.name = 'PacketError';
    this.how = how;
  }
}

/** The server's own words for why it does not do what was asked. */
export class ServerSays extends Error {}

export type Packet = Buffer | 'flush' | 'delimiter' | 'end';

const SPECIAL = ['flush', 'delimiter', 'end'] as const;
/** The largest there is (gitprotocol-common). */
const PACKET_BYTES = 65_520;
/** A repository with a million refs; more is not read into memory. */
export const LIST_BYTES = 128 * 1024 * 1024;
/** The report names one ref. */
const REPORT_BYTES = 1024 * 1024;

export async function* packets(bytes: AsyncIterable<Buffer>): AsyncGenerator<Packet> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length >= at + 4) {
      const digits = rest.toString('latin1', at, at + 4);
      const length = Number.parseInt(digits, 16);
      if (!/^[0-9a-f]{4}$/i.test(digits) || length === 3 || length > PACKET_BYTES)
        throw new PacketError('malformed', 'not a packet');
      const special = SPECIAL[length];
      if (special !== undefined) {
        yield special;
        at += 4;
        continue;
      }
      if (rest.length < at + length) break;
      const packet = rest.subarray(at + 4, at + length);
      if (packet.subarray(0, 4).toString('latin1') === 'ERR ')
        throw new ServerSays(packet.toString('utf8', 4).trim());
      yield packet;
      at += length;
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new PacketError('cut', 'in a packet');
}

export interface Advertisement {
  version: 0 | 2;
  /** By name; `object-format=sha1` is the name and a value. */
  capabilities: Map<string, string>;
  /** Of version 0: all there are. */
  refs: Map<string, string>;
  /** What the server has beside its refs (`.have`): of forks, and what is hidden. */
  extra: string[];
}

const REF_LINE = /^([0-9a-f]{40}|[0-9a-f]{64}) ([^\0\n ]+)/;

/** The answer to `GET info/refs`. */
export async function readAdvertisement(bytes: AsyncIterable<Buffer>): Promise<Advertisement> {
  const found: Advertisement = { version: 0, capabilities: new Map(), refs: new Map(), extra: [] };
  let announced = false;
  let started = false;
  for await (const packet of limited(packets(bytes))) {
    if (typeof packet === 'string') {
      // The flush behind `# service=…`, before anything that counts.
      if (announced && !started && packet === 'flush') {
        announced = false;
        continue;
      }
      if (packet === 'flush') return found;
      throw new PacketError('malformed', 'a delimiter between refs');
    }
    const line = packet.toString('utf8').replace(/\n$/, '');
    if (!started && !announced && line.startsWith('# service=')) {
      announced = true;
      continue;
    }
    if (!started && line === 'version 2') found.version = 2;
    else if (found.version === 2) addCapability(found.capabilities, line);
    else if (line !== 'version 1' && !line.startsWith('shallow ')) addRef(found, line);
    started = true;
  }
  throw new PacketError('cut', 'in the list of refs');
}

function addRef(found: Advertisement, line: string): void {
  const [, id = '', name = ''] = REF_LINE.exec(line) ?? [];
  if (id === '') throw new PacketError('malformed', 'a ref');
  const nul = line.indexOf('\0');
  if (nul >= 0)
    for (const one of line.slice(nul + 1).split(' ')) if (one) addCapability(found.capabilities, one);
  if (name === '.have') found.extra.push(id);
  else if (name !== 'capabilities^{}' && !name.endsWith('^{}')) found.refs.set(name, id);
}

function addCapability(capabilities: Map<string, string>, text: string): void {
  const [name = '', ...value] = text.split('=');
  capabilities.set(name, value.join('='));
}

export function formatOf({ capabilities }: Advertisement): ObjectFormat {
  return capabilities.get('object-format') === 'sha256' ? 'sha256' : 'sha1';
}

/** The answer to `ls-refs`. */
export async function readRefList(bytes: AsyncIterable<Buffer>): Promise<Map<string, string>> {
  const refs = new Map<string, string>();
  for await (const packet of limited(packets(bytes))) {
    if (packet === 'flush') return refs;
    const line = typeof packet === 'string' ? '' : packet.toString('utf8');
    // A branch without a commit yet.
    if (line.startsWith('unborn ')) continue;
    const [, id, name] = REF_LINE.exec(line) ?? [];
    if (id === undefined || name === undefined) throw new PacketError('malformed', 'a ref');
    refs.set(name, id);
  }
  throw new PacketError('cut', 'in the list of refs');
}

/** The pack in the answer to a fetch, of either version. What the server says beside it goes to `say`. */
export async function* readPack(
  bytes: AsyncIterable<Buffer>,
  version: 0 | 2,
  say: (text: Buffer) => void,
): AsyncGenerator<Buffer> {
  let inPack = version === 0;
  for await (const packet of packets(bytes)) {
    if (!inPack) {
      if (typeof packet === 'string') throw new PacketError('malformed', 'no pack');
      if (packet.toString('latin1') !== 'packfile\n') throw new PacketError('malformed', 'not a pack');
      inPack = true;
      continue;
    }
    if (packet === 'flush') return;
    if (typeof packet === 'string') throw new PacketError('malformed', 'a delimiter in a pack');
    // What was found to be in common, before a pack of version 0.
    if (version === 0 && /^(ACK [0-9a-f]+|NAK)/.test(packet.toString('latin1', 0, 8))) continue;
    const data = fromBand(packet, say);
    if (data) yield data;
  }
  throw new PacketError('cut', 'in a pack');
}

export interface PushReport {
  /** `ok`, or why not even the pack was taken. */
  unpack: string;
  refs: Map<string, { ok: true } | { ok: false; reason: string }>;
}

/** The answer to a push (`report-status`), with or without bands. */
export async function readReport(
  bytes: AsyncIterable<Buffer>,
  banded: boolean,
  say: (text: Buffer) => void,
): Promise<PushReport> {
  const report: PushReport = { unpack: '', refs: new Map() };
  const source = banded ? packets(bandOne(bytes, say)) : packets(bytes);
  for await (const packet of limited(source, REPORT_BYTES)) {
    if (packet === 'flush') {
      if (report.unpack === '') throw new PacketError('malformed', 'a report without its start');
      return report;
    }
    if (typeof packet === 'string') throw new PacketError('malformed', 'a delimiter in a report');
    const [word = '', name = '', ...reason] = packet.toString('utf8').trimEnd().split(' ');
    if (word === 'unpack') report.unpack = [name, ...reason].join(' ') || 'failed';
    else if (word === 'ok') report.refs.set(name, { ok: true });
    else if (word === 'ng') report.refs.set(name, { ok: false, reason: reason.join(' ') });
  }
  throw new PacketError('cut', 'in a report');
}

async function* bandOne(bytes: AsyncIterable<Buffer>, say: (text: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const packet of packets(bytes)) {
    if (packet === 'flush') return;
    if (typeof packet === 'string') throw new PacketError('malformed', 'a delimiter in a report');
    const data = fromBand(packet, say);
    if (data) yield data;
  }
}

/** Band 1 is what was asked for, 2 what people are told, 3 why the server gives up. */
function fromBand(packet: Buffer, say: (text: Buffer) => void): Buffer | null {
  const [band] = packet;
  if (band === 1) return packet.subarray(1);
  if (band === 3) throw new ServerSays(packet.toString('utf8', 1).trim());
  if (band !== 2) throw new PacketError('malformed', 'a band that is none');
  say(packet.subarray(1));
  return null;
}

async function* limited(source: AsyncIterable<Packet>, most = LIST_BYTES): AsyncGenerator<Packet> {
  let bytes = 0;
  for await (const packet of source) {
    bytes += typeof packet === 'string' ? 4 : packet.length + 4;
    if (bytes > most) throw new PacketError('tooLong', 'a list');
    yield packet;
  }
}
