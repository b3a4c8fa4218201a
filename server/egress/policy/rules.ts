/**
 * From the lists that people write to something that matches fast: a map by name, looked up once per
 * label of the host. A listed name covers itself and its subdomains, `=x` exactly itself, `*.x` its
 * subdomains only; a port behind it narrows the rule to that port.
 *
 * An entry that can't be a rule is an error with its name, never skipped: a list that silently lost a
 * denied domain would be open.
 */
import { getPublicSuffix, parse as parseDomain } from 'tldts';
import type { AccessPolicy, RuleProblem } from '../../../protocol/egress.ts';
import { COMMON_DEPENDENCIES } from '../presets/common-dependencies.ts';
import { parseRange, type Range } from './addresses.ts';
import { asciiName, canonicalHost, type Host, parsePort } from './authority.ts';
import type { OwnerRules, RuleError } from './types.ts';

/** What one entry covers; `port` null is every port that is open anyway. */
interface Cover {
  itself: boolean;
  below: boolean;
  port: number | null;
}

export type NameMap = ReadonlyMap<string, readonly Cover[]>;

export interface Rules {
  readonly policy: AccessPolicy;
  readonly owner: OwnerRules;
  readonly allow: NameMap;
  readonly deny: NameMap;
  readonly allowPrivate: readonly { names: NameMap; range: Range }[];
}

interface Entry extends Cover {
  host: string;
}

type Compiled<T> = { ok: true; value: T } | { ok: false; problem: RuleProblem };

const wrong = (problem: RuleProblem): { ok: false; problem: RuleProblem } => ({ ok: false, problem });

export function compileRules(
  policy: AccessPolicy,
  owner: OwnerRules,
): { ok: true; rules: Rules } | { ok: false; errors: RuleError[] } {
  const errors: RuleError[] = [];
  const compile = (list: RuleError['list'], texts: readonly string[]): Entry[] =>
    texts.flatMap((text) => {
      const entry = compileEntry(text, list);
      if (entry.ok) return [entry.value];
      errors.push({ list, entry: text, problem: entry.problem });
      return [];
    });

  const allow = compile('allow', [
    ...(policy.preset === 'common' ? COMMON_DEPENDENCIES : []),
    ...policy.allow,
  ]);
  const deny = compile('deny', policy.deny);
  const allowPrivate = owner.allowPrivate.flatMap(({ host, cidr }) => {
    const names = nameMap(compile('allowPrivate', [host]));
    const range = parseRange(cidr);
    if (!range) errors.push({ list: 'allowPrivate', entry: cidr, problem: 'badCidr' });
    return range ? [{ names, range }] : [];
  });
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, rules: { policy, owner, allow: nameMap(allow), deny: nameMap(deny), allowPrivate } };
}

/** `ports` says for a cover without a port which ports it means. */
export function covers(names: NameMap, host: Host, ports: (cover: number | null) => boolean): boolean {
  if (names.size === 0) return false;
  if (names.get(host.host)?.some((cover) => cover.itself && ports(cover.port))) return true;
  // An address has no subdomains, whatever its dots look like.
  if (host.ip !== 0) return false;
  for (let dot = host.host.indexOf('.'); dot !== -1; dot = host.host.indexOf('.', dot + 1)) {
    if (names.get(host.host.slice(dot + 1))?.some((cover) => cover.below && ports(cover.port))) return true;
  }
  return false;
}

function nameMap(entries: readonly Entry[]): NameMap {
  const map = new Map<string, Cover[]>();
  for (const { host, ...cover } of entries) map.set(host, [...(map.get(host) ?? []), cover]);
  return map;
}

function compileEntry(text: string, list: RuleError['list']): Compiled<Entry> {
  const entry = text.trim();
  if (entry === '') return wrong('empty');
  if (/^[=*.]*\*[=*.]*(?::.*)?$/.test(entry)) return wrong(list === 'deny' ? 'starInDeny' : 'starAlone');
  const match = /^(=|\*\.)?(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/.exec(entry);
  if (!match) return wrong('notAName');
  const [, mark, written = '', portText] = match;
  if (written.includes('*')) return wrong('wildcardInside');
  const port = portText === undefined ? null : parsePort(portText);
  if (portText !== undefined && (port === null || list === 'allowPrivate')) {
    return wrong(/^\/\//.test(portText) ? 'notAName' : 'badPort');
  }
  const host = hostOf(written);
  if (!host.ok) return host;
  const { ip, host: name } = host.value;
  if (ip !== 0 && mark === '*.') return wrong('wildcardInside');
  // Denying a whole suffix is strict, allowing one is not: everyone can register below it.
  if (ip === 0 && list !== 'deny' && isPublicSuffix(name)) return wrong('publicSuffix');
  return {
    ok: true,
    value: { host: name, itself: mark !== '*.', below: mark !== '=' && ip === 0, port },
  };
}

function hostOf(written: string): Compiled<Host> {
  const ascii = written.startsWith('[') ? written : asciiName(written);
  if (ascii === null) return wrong('notAName');
  const host = canonicalHost(ascii);
  if (!host.ok) return wrong(host.denial.reason === 'ipLiteral' ? 'oddAddress' : 'notAName');
  // IDNA turns 0x7f.1 and full-width digits into an address: the person wrote a different one.
  if (host.value.ip === 4 && ascii !== written) return wrong('oddAddress');
  return { ok: true, value: host.value };
}

/** The ICANN section only: the private one holds names such as githubusercontent.com. */
function isPublicSuffix(name: string): boolean {
  return parseDomain(name).isIcann === true && getPublicSuffix(name) === name;
}
