/** Rules against a naive reading of the lists, addresses against Node's own block list, both seeded. */
import assert from 'node:assert/strict';
import { BlockList, isIPv4 } from 'node:net';
import test from 'node:test';
import type { AccessPolicy } from '../../protocol/egress.ts';
import { checkAddresses, checkTarget } from '../../server/egress/policy/index.ts';
import { outcome, rulesOf } from '../unit/egress/policy/support.ts';
import { INPUTS, type Random, seeded, SEED } from './random.ts';

const told = (what: unknown) => `${JSON.stringify(what)} (CODEX_FUZZ_SEED=${SEED})`;

// Few labels, so that names often meet; none of their combinations is a public suffix.
const LABELS = ['a', 'b', 'aa', 'ab', 'a-b'] as const;
const PORTS = [80, 443, 8443, 22] as const;

function host(random: Random): string {
  let text: string = random.pick(LABELS);
  for (let labels = random.below(4); labels > 0; labels -= 1) text += `.${random.pick(LABELS)}`;
  return `${text}.zz`;
}

function entry(random: Random): string {
  return (
    random.pick(['', '', '=', '*.']) + host(random) + (random.chance(0.3) ? `:${random.pick(PORTS)}` : '')
  );
}

const list = (random: Random) => Array.from({ length: random.below(5) }, () => entry(random));

/** One entry, read word by word. */
function naivelyCovers(text: string, name: string, port: number, openPorts: readonly number[]): boolean {
  const [pattern = '', portText] = text.split(':');
  if (portText === undefined ? !openPorts.includes(port) : Number(portText) !== port) return false;
  if (pattern.startsWith('=')) return name === pattern.slice(1);
  if (pattern.startsWith('*.')) return name.endsWith(pattern.slice(1));
  return name === pattern || name.endsWith(`.${pattern}`);
}

function naiveVerdict(
  policy: Pick<AccessPolicy, 'preset' | 'allow' | 'deny'>,
  name: string,
  port: number,
): string {
  const allowed = policy.allow.some((text) => naivelyCovers(text, name, port, [80, 443]));
  const named = policy.allow.some((text) => text.includes(':') && naivelyCovers(text, name, port, []));
  if (port !== 80 && port !== 443 && !named) return 'port';
  if (policy.deny.some((text) => naivelyCovers(text, name, port, PORTS))) return 'deniedDomain';
  return allowed || policy.preset === 'all' ? 'allow' : 'notAllowed';
}

test('rules match as a naive reading of their lists does', () => {
  const random = seeded(SEED);
  const seen = new Map<string, number>();
  for (let index = 0; index < INPUTS * 0.06; index += 20) {
    const policy = {
      preset: random.pick<AccessPolicy['preset']>(['none', 'none', 'all']),
      allow: list(random),
      deny: list(random),
    };
    const rules = rulesOf(policy);
    for (let round = 0; round < 20; round += 1) {
      const name = host(random);
      const port = random.pick(PORTS);
      const expected = naiveVerdict(policy, name, port);
      const verdict = outcome(checkTarget(rules, { scheme: 'https', host: name, ip: 0, port }));
      assert.equal(verdict, expected, told({ policy, name, port }));
      seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
    }
  }
  for (const verdict of ['allow', 'port', 'deniedDomain', 'notAllowed']) {
    assert.ok((seen.get(verdict) ?? 0) > INPUTS * 0.001, `${verdict} was hardly ever the answer`);
  }
});

const NOT_PUBLIC_4 = [
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
  '224.0.0.0/3',
  '168.63.129.16/32',
] as const;
const NOT_PUBLIC_6 = [
  '::/3',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3ffe::/16',
  '3fff::/20',
  '4000::/2',
  '8000::/1',
] as const;

function blockList(ranges: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const blocked = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    blocked.addSubnet(address, Number(bits), family);
  }
  return blocked;
}

const BLOCKED_4 = blockList(NOT_PUBLIC_4, 'ipv4');
const BLOCKED_6 = blockList(NOT_PUBLIC_6, 'ipv6');

/** Half of them close to the border of a range, where a mistake would be. */
function ipv4(random: Random): string {
  if (random.chance(0.5)) return Array.from({ length: 4 }, () => random.below(256)).join('.');
  const [address = '', bits] = random.pick(NOT_PUBLIC_4).split('/');
  const base = address.split('.').reduce((value, part) => value * 256 + Number(part), 0);
  const edge = random.chance(0.5) ? base : base + 2 ** (32 - Number(bits));
  const near = (edge + random.below(5) - 2 + 2 ** 32) % 2 ** 32;
  return [24, 16, 8, 0].map((shift) => Math.floor(near / 2 ** shift) % 256).join('.');
}

const FIRST = [
  '0',
  '64',
  '100',
  '1fff',
  '2000',
  '2001',
  '2002',
  '2003',
  '2606',
  '3ffd',
  '3ffe',
  '3fff',
  '4000',
  '5f00',
  'fc00',
  'fe80',
  'ff02',
] as const;
const SECOND = ['0', '1', '1ff', '200', 'db7', 'db8', 'db9', 'ff9b', 'fff', '1000', 'ffff'] as const;

function ipv6(random: Random): string {
  const rest = Array.from({ length: 6 }, () =>
    random.pick(['0', '0', '1', '5efe', '200', 'ffff', '7f00', 'a9fe']),
  );
  return [random.pick(FIRST), random.pick(SECOND), ...rest].join(':');
}

test('addresses are public exactly where Node’s block list and the tunnels’ forms say so', () => {
  const random = seeded(SEED + 1);
  const rules = rulesOf({ preset: 'all' });
  for (let index = 0; index < INPUTS * 0.04; index += 1) {
    const address = random.chance(0.5) ? ipv4(random) : ipv6(random);
    const parts = address.split(':');
    const isatap = parts[5] === '5efe' && (parts[4] === '0' || parts[4] === '200');
    const blocked = isIPv4(address)
      ? BLOCKED_4.check(address, 'ipv4')
      : BLOCKED_6.check(address, 'ipv6') || isatap;
    const verdict = outcome(checkAddresses(rules, 'example.com', [address], []));
    assert.equal(verdict === 'allow', !blocked, `${told(address)}: ${verdict}`);
  }
});
