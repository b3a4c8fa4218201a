/**
 * Internet access of an environment as it crosses the wire: the policy of one phase, how much that
 * is, and the reasons for which a connection or a request is refused.
 *
 * What a policy means is decided in `server/egress/policy/` alone; a client only edits and shows it.
 */
import { z } from 'zod';

/** A list longer than this is a mistake or an attack on the time that matching takes. */
const MAX_DOMAINS = 1_000;
/** 253 for the name, and a mark, a wildcard and a port around it; what is longer gets its own error. */
const MAX_DOMAIN_CHARS = 512;

const Domains = z.array(z.string().max(MAX_DOMAIN_CHARS)).max(MAX_DOMAINS);

/** The policy of one phase (setup or agent) of an environment. */
export const AccessPolicy = z.object({
  access: z.enum(['off', 'on']).default('off'),
  /** Where the list of allowed domains starts: empty, `common-dependencies`, or everything. */
  preset: z.enum(['none', 'common', 'all']).default('none'),
  /** `example.com` with its subdomains, `=example.com` alone, `*.example.com` subdomains only, `host:8443`. */
  allow: Domains.default([]),
  /** The same grammar; beats `allow` and the preset. */
  deny: Domains.default([]),
  /** `read`: GET, HEAD and OPTIONS only, which makes the proxy look inside TLS. */
  methods: z.enum(['all', 'read']).default('all'),
});
export type AccessPolicy = z.infer<typeof AccessPolicy>;

export const DEFAULT_AGENT_ACCESS: AccessPolicy = {
  access: 'off',
  preset: 'none',
  allow: [],
  deny: [],
  methods: 'all',
};
export const DEFAULT_SETUP_ACCESS: AccessPolicy = { ...DEFAULT_AGENT_ACCESS, access: 'on', preset: 'all' };

export const AccessLevel = z.enum(['off', 'limited', 'on']);
export type AccessLevel = z.infer<typeof AccessLevel>;

/** What an indicator shows: `on` only when the policy itself refuses nothing. */
export function accessLevel(policy: AccessPolicy): AccessLevel {
  if (policy.access === 'off') return 'off';
  return policy.preset === 'all' && policy.methods === 'all' && policy.deny.length === 0 ? 'on' : 'limited';
}

/** Why a connection or a request is refused; the sentences are in `denials.ts`. */
export const DenyReason = z.enum([
  'accessOff',
  // what was asked for is not written as it must be
  'badAuthority',
  'badRequest',
  'authorityMismatch',
  // where it would go
  'ipLiteral',
  'localName',
  'port',
  'deniedDomain',
  'notAllowed',
  'nameNotFound',
  'privateAddress',
  'metadataAddress',
  'ownAddress',
  // TLS
  'notTls',
  'noServerName',
  'serverNameMismatch',
  'encryptedServerName',
  // the request
  'method',
  'body',
  'upgrade',
  // while it runs
  'policyChanged',
  'connectionLimit',
  'byteLimit',
]);
export type DenyReason = z.infer<typeof DenyReason>;

/** Why an entry of a domain list (or of the owner's private addresses) can't be a rule. */
export const RuleProblem = z.enum([
  'empty',
  'notAName',
  'publicSuffix',
  'starAlone',
  'starInDeny',
  'wildcardInside',
  'badPort',
  'oddAddress',
  'badCidr',
]);
export type RuleProblem = z.infer<typeof RuleProblem>;
