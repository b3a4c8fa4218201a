/**
 * Attempts to get out of a real container, each by its name, under a real policy. Every one must end
 * as its row says, be in the log with its reason, and leave nothing at any listener of `fixture/`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { EgressLogEntry } from '../../../server/egress/proxy/index.ts';
import { DIRECT } from './attempts/direct.ts';
import { NAMED } from './attempts/names.ts';
import { REQUESTS } from './attempts/requests.ts';
import type { Attempt } from './attempts/types.ts';
import type { Hit, Ran } from './fixture/messages.ts';
import { startFixture } from './fixture/start.ts';
import type { Fixture } from './fixture/start.ts';
import { OUTSIDE, POLICIES, TOUCHABLE, touchable } from './fixture/world.ts';
import type { PolicyName } from './fixture/world.ts';

const ATTEMPTS: readonly Attempt[] = [...DIRECT, ...NAMED, ...REQUESTS];
let fixture: Fixture;

before(async () => {
  fixture = await startFixture();
  for (const [group, policy] of Object.entries(POLICIES)) {
    await fixture.ask({ op: 'open', group, policy, phase: 'agent' });
    // Before anything is tried: with an interface or a route, an attempt could leave the machine.
    const { output } = await run(
      group as PolicyName,
      'cat /proc/net/dev /proc/net/route /proc/net/ipv6_route',
    );
    assert.deepEqual(interfacesIn(output), ['lo'], output);
  }
});

after(async () => {
  await fixture?.close();
});

async function run(group: PolicyName, script: string, wants?: string): Promise<Ran> {
  return (await fixture.ask({ op: 'run', group, script, ...(wants === undefined ? {} : { wants }) })) as Ran;
}

function interfacesIn(text: string): string[] {
  const named = [...text.matchAll(/^\s*([\w.@-]+):\s+\d/gm)].map((match) => match[1] ?? '');
  const routed = [...text.matchAll(/\s([\w.@-]+)\s*$/gm)]
    .map((match) => match[1] ?? '')
    .filter((name) => /^(eth|veth|ens|wlan)/.test(name));
  return [...new Set([...named, ...routed])];
}

/** What arrived and should not have: another host, another address, or anything with the mark. */
function holes(hits: readonly Hit[], under: PolicyName): Hit[] {
  const names = touchable(under);
  const addresses = new Set(Object.values(names));
  return hits.filter((hit) => {
    if (!addresses.has(hit.address)) return true;
    if (hit.kind !== 'connection' && hit.kind !== 'request') return true;
    if (hit.kind === 'connection') return false;
    const host = hit.host.replace(/:\d+$/, '');
    return hit.marked || names[host] !== hit.address || (hit.sni !== null && hit.sni !== host);
  });
}

async function attempt(of: Attempt): Promise<void> {
  const from = fixture.hits.length;
  const wants =
    of.ends === 'unreachable' || of.ends === 'cut' ? undefined : of.ends === 'checked' ? '' : of.ends;
  const ran = await run(of.under, of.run, wants);
  await fixture.settled();
  const told = `\n${of.run}\n→ ${ran.exitCode}: ${ran.output}\n${JSON.stringify(ran.entries)}`;
  assert.deepEqual(holes(fixture.hits.slice(from), of.under), [], `something arrived${told}`);
  check(of, ran, told);
  if (of.says) assert.match(ran.output, of.says);
}

function check({ ends, under }: Attempt, { entries, output }: Ran, told: string): void {
  const allowed = entries.filter((entry) => entry.verdict === 'allowed');
  assert.deepEqual(
    allowed.filter((entry) => entry.address !== null && touchable(under)[entry.host] !== entry.address),
    [],
    `an entry says that it was allowed${told}`,
  );
  if (ends === 'checked') return void assert.ok(allowed.length > 0, `it did not go where it may${told}`);
  if (ends === 'cut') return assert.doesNotMatch(output, new RegExp(OUTSIDE), told);
  if (ends === 'unreachable') {
    assert.deepEqual(entries, [], `it came to the proxy${told}`);
    return assert.doesNotMatch(output, new RegExp(OUTSIDE), told);
  }
  assert.ok(
    entries.some((entry) => entry.verdict === 'denied' && entry.reason === ends),
    `no entry with ${ends}${told}`,
  );
  assert.ok(!entries.some(hasMark), `the log holds what was sent${told}`);
}

/** Of a path, a query, a header or a body nothing is written down. */
function hasMark(entry: EgressLogEntry): boolean {
  return /LEAK/.test(JSON.stringify({ ...entry, host: entry.host.replace(/^LEAK\./, '') }));
}

test('there are at least 120 attempts, each with a name of its own', () => {
  assert.ok(ATTEMPTS.length >= 120, String(ATTEMPTS.length));
  const names = ATTEMPTS.map(({ name }) => name);
  assert.deepEqual(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  );
});

describe('what is allowed gets out', () => {
  for (const [under, names] of Object.entries(TOUCHABLE) as [PolicyName, Record<string, string>][]) {
    for (const [name, address] of Object.entries(names)) {
      test(`${under}: ${name}`, async () => {
        const ported = name === 'ported.example' ? ':8443' : '';
        const schemes = ported ? ['https'] : ['http', 'https'];
        for (const scheme of schemes) {
          const from = fixture.hits.length;
          const { output, entries } = await run(under, `curl -sSk -m 8 ${scheme}://${name}${ported}/`, '');
          await fixture.settled();
          assert.match(output, new RegExp(`${OUTSIDE} ${name}`));
          assert.deepEqual(
            entries.map(({ verdict, host, address: to }) => [verdict, host, to]),
            [['allowed', name, address]],
          );
          assert.deepEqual(holes(fixture.hits.slice(from), under), []);
          assert.ok(
            fixture.hits.slice(from).some((hit) => hit.kind === 'request' && hit.host === `${name}${ported}`),
          );
        }
      });
    }
  }
});

for (const under of Object.keys(POLICIES) as PolicyName[]) {
  describe(`attempts with internet access “${under}”`, () => {
    for (const one of ATTEMPTS.filter((row) => row.under === under)) test(one.name, () => attempt(one));
  });
}
