/**
 * Which addresses are public, and which of a name's answers may be dialled. An address is compared
 * as a number, so its spelling does not matter; what carries an IPv4 address inside is unwrapped.
 *
 * What must never be reached, whatever the owner allows: the places where clouds hand out credentials.
 */
import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  family: 4 | 6;
  value: bigint;
}

export interface Range extends Address {
  bits: number;
}

const WIDTH = { 4: 32, 6: 128 } as const;

/** Only the spellings that Node's resolver gives: four decimals, or IPv6 without zone. */
export function parseAddress(text: string): Address | null {
  if (isIPv4(text)) return { family: 4, value: valueOf(text.split('.').map(Number), 8) };
  if (!isIPv6(text) || text.includes('%')) return null;
  return { family: 6, value: valueOf(hextets(text), 16) };
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. Null when it is none, or has bits behind its length. */
export function parseRange(text: string): Range | null {
  const match = /^([0-9a-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text);
  const address = match?.[1] === undefined ? null : parseAddress(match[1]);
  if (!match || !address) return null;
  const bits = match[2] === undefined ? WIDTH[address.family] : Number(match[2]);
  if (bits > WIDTH[address.family]) return null;
  const rest = BigInt(WIDTH[address.family] - bits);
  if ((address.value >> rest) << rest !== address.value) return null;
  return { ...address, bits };
}

export function inRange(address: Address, range: Range): boolean {
  if (address.family !== range.family) return false;
  const rest = BigInt(WIDTH[range.family] - range.bits);
  return address.value >> rest === range.value >> rest;
}

export function inAnyRange(address: Address, ranges: readonly Range[]): boolean {
  return ranges.some((range) => inRange(address, range));
}

function valueOf(parts: readonly number[], bits: number): bigint {
  return parts.reduce((value, part) => (value << BigInt(bits)) | BigInt(part), 0n);
}

function hextets(text: string): number[] {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const [a = 0, b = 0, c = 0, d = 0] = tail?.[2]?.split('.').map(Number) ?? [];
  const whole = tail ? `${tail[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}` : text;
  const [left = '', right] = whole.split('::');
  const parts = (half: string) => (half === '' ? [] : half.split(':').map((part) => parseInt(part, 16)));
  if (right === undefined) return parts(left);
  const head = parts(left);
  const end = parts(right);
  return [...head, ...Array<number>(8 - head.length - end.length).fill(0), ...end];
}

function ranges(...texts: string[]): Range[] {
  return texts.map((text) => {
    const range = parseRange(text);
    if (!range) throw new Error(`not a range: ${text}`);
    return range;
  });
}

/** Clouds' metadata services: AWS, GCP, Azure, ECS, EKS, Alibaba, Azure's wire server, Oracle. */
const METADATA = ranges(
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::/32',
  'fd20:ce::254',
  'fd00:c1::a9fe:a9fe',
);

/** IANA's special-purpose registry, multicast, class E and the retired 6to4 relay. */
const NOT_PUBLIC_4 = ranges(
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
);

const LOOPBACK = ranges('127.0.0.0/8', '::1');

/** What no server has: link-local, multicast, class E with broadcast. */
const NO_SERVER = ranges('169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4', 'fe80::/10', 'ff00::/8');

/** Kernels take these for this machine. Not unwrapped: what carries another address has zeros, too. */
const UNSPECIFIED = ranges('0.0.0.0/8', '::', '::ffff:0.0.0.0/104', '::ffff:0:0:0/104');

/** In IPv6 only this is handed out as global unicast; all else is not public, known or not. */
const GLOBAL_6 = ranges('2000::/3');

const NOT_PUBLIC_6 = ranges(
  '2001::/23', // Teredo, ORCHID, benchmarking and other protocol assignments
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '3ffe::/16', // the retired 6bone
  '3fff::/20', // documentation
);

const MAPPED = ranges('::ffff:0:0/96', '::/96', '::ffff:0:0:0/96', '64:ff9b::/96');
const NAT64_LOCAL = ranges('64:ff9b:1::/48');
const SIX_TO_FOUR = ranges('2002::/16');
const TEREDO = ranges('2001::/32');

const LOW_32 = 0xffff_ffffn;

function isIsatap({ family, value }: Address): boolean {
  const middle = (value >> 32n) & LOW_32;
  return family === 6 && (middle === 0x0000_5efen || middle === 0x0200_5efen);
}

/** IPv4 addresses that a router or a kernel may take out of this one. */
export function embeddedAddresses(address: Address): Address[] {
  if (address.family === 4) return [];
  const { value } = address;
  const four = (inner: bigint): Address => ({ family: 4, value: inner & LOW_32 });
  if (inAnyRange(address, MAPPED)) return [four(value)];
  // A translator's own prefix may be of any length (RFC 6052): the address sits behind /48, /64 or /96.
  if (inAnyRange(address, NAT64_LOCAL)) {
    const high = (value >> 64n) & 0xffffn;
    const behind48 = (high << 16n) | ((value >> 40n) & 0xffffn);
    return [four(behind48), four(value >> 24n), four(value)];
  }
  if (inAnyRange(address, SIX_TO_FOUR)) return [four(value >> 80n)];
  if (inAnyRange(address, TEREDO)) return [four(value >> 64n), four(value ^ LOW_32)];
  return isIsatap(address) ? [four(value)] : [];
}

export function isMetadata(address: Address): boolean {
  return [address, ...embeddedAddresses(address)].some((one) => inAnyRange(one, METADATA));
}

/** Global unicast, and nothing that a translator or a tunnel would lead elsewhere. */
export function isPublic(address: Address): boolean {
  if (address.family === 4) return !inAnyRange(address, NOT_PUBLIC_4);
  return inAnyRange(address, GLOBAL_6) && !inAnyRange(address, NOT_PUBLIC_6) && !isIsatap(address);
}

export type ServerPlace = 'network' | 'loopback' | 'nowhere';

/** Where a server of the owner's own may be: private networks count as any other. */
export function serverPlace(address: Address): ServerPlace {
  if (inAnyRange(address, LOOPBACK)) return 'loopback';
  const all = [address, ...embeddedAddresses(address)];
  if (inAnyRange(address, UNSPECIFIED) || isMetadata(address)) return 'nowhere';
  if (all.some((one) => inAnyRange(one, NO_SERVER))) return 'nowhere';
  return all.some((one) => inAnyRange(one, LOOPBACK)) ? 'loopback' : 'network';
}
