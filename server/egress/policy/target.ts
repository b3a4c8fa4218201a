/**
 * Where a connection may go: first by its name and port, then by every address of that name, then by
 * what the TLS inside the tunnel says. A denied domain beats an allowed one, and nothing here asks
 * the network.
 */
import { embeddedAddresses, inRange, isMetadata, isPublic, parseAddress } from './addresses.ts';
import { canonicalHost, deny, shown } from './authority.ts';
import { covers, type Rules } from './rules.ts';
import type { AddressVerdict, ClientHelloFacts, Denial, Target, TargetVerdict } from './types.ts';

/** The ports of the web; every other one has to be listed with its host. */
const OPEN_PORTS: ReadonlySet<number> = new Set([80, 443]);

/** RFC 6761, 6762, 8375, 9476: names that mean something on this machine or network only. */
const LOCAL_SUFFIXES = ['localhost', 'local', 'internal', 'home.arpa', 'onion', 'alt'];

const ALLOW = { verdict: 'allow' } as const;

export function checkTarget(rules: Rules, target: Target): TargetVerdict {
  const { host, port } = target;
  if (rules.policy.access === 'off') return deny('accessOff', { host, port });
  if (!namedByOwner(rules, target)) {
    if (target.ip !== 0) return deny('ipLiteral', { host, port });
    if (isLocalName(host)) return deny('localName', { host, port });
  }
  const listedWithPort = covers(rules.allow, target, (cover) => cover === port);
  if (!OPEN_PORTS.has(port) && !listedWithPort) return deny('port', { host, port });
  if (covers(rules.deny, target, (cover) => cover === null || cover === port)) {
    return deny('deniedDomain', { host, port });
  }
  const allowed =
    rules.policy.preset === 'all' || listedWithPort || covers(rules.allow, target, (cover) => cover === null);
  if (!allowed) return deny('notAllowed', { host, port });
  return { verdict: 'allow', intercept: mustIntercept(rules, target) };
}

/** Inside TLS only interception can see a method; without a limit it is the owner's choice. */
function mustIntercept(rules: Rules, target: Target): boolean {
  if (target.scheme === 'http') return false;
  return rules.policy.methods === 'read' || rules.owner.intercept === 'always';
}

function namedByOwner(rules: Rules, target: Target): boolean {
  return rules.allowPrivate.some(({ names }) => covers(names, target, () => true));
}

function isLocalName(host: string): boolean {
  return !host.includes('.') || LOCAL_SUFFIXES.some((suffix) => host.endsWith(`.${suffix}`));
}

/**
 * Every answer of the one resolution, and only these may be dialled: one that is not public refuses
 * all, since a client would be free to take it. `own` are the addresses of the backend's own machine.
 */
export function checkAddresses(
  rules: Rules,
  host: string,
  addresses: readonly string[],
  own: readonly string[],
): AddressVerdict {
  if (addresses.length === 0) return deny('nameNotFound', { host });
  const owned = own.flatMap((text) => parseAddress(text.replace(/%.*$/, '')) ?? []);
  const parsedHost = canonicalHost(host.includes(':') ? `[${host}]` : host);
  const exempt = parsedHost.ok
    ? rules.allowPrivate.filter(({ names }) => covers(names, parsedHost.value, () => true))
    : [];
  for (const text of addresses) {
    const address = parseAddress(text);
    if (!address) return deny('privateAddress', { host, address: shown(text) });
    if (isMetadata(address)) return deny('metadataAddress', { host, address: text });
    for (const one of [address, ...embeddedAddresses(address)]) {
      if (exempt.some(({ range }) => inRange(one, range))) continue;
      if (owned.some(({ family, value }) => family === one.family && value === one.value)) {
        return deny('ownAddress', { host, address: text });
      }
      if (!isPublic(one)) return deny('privateAddress', { host, address: text });
    }
  }
  return ALLOW;
}

/**
 * A tunnel must carry TLS for the host that it was opened to. With `intercept` the TLS ends here, so
 * a hidden inner name leads nowhere and Encrypted Client Hello (or its decoy) need not be refused.
 */
export function checkServerName(
  target: Target,
  hello: ClientHelloFacts,
  intercept = false,
): { verdict: 'allow' } | Denial {
  const { host, port } = target;
  if (!hello.tls) return deny('notTls', { host, port });
  if (hello.encrypted && !intercept) return deny('encryptedServerName', { host, port });
  // RFC 6066: the name is never an address, so for an owner's address there is none.
  if (hello.serverName === null) return target.ip === 0 ? deny('noServerName', { host, port }) : ALLOW;
  const named = canonicalHost(hello.serverName);
  if (named.ok && named.value.host === host && named.value.ip === target.ip) return ALLOW;
  return deny('serverNameMismatch', { host, port, asked: shown(hello.serverName) });
}
