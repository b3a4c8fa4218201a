/**
 * The sentences for refused connections and for entries that can't be rules. They stand here and not
 * in `client/words/` alone because the proxy says them too, in English, to whoever asked inside the
 * sandbox; clients show them through their own translation (`client/words/egress.ts`).
 *
 * Of several templates the first one counts whose parameters are all there; the last needs none.
 */
import type { DenyReason, RuleProblem } from './egress.ts';

export interface DenialSentence {
  /** What happened and why. */
  text: readonly string[];
  /** What a person can do to allow it; missing where nothing may. */
  allow?: readonly string[];
}

// Plain strings, no template with a part of its own: what a bundle does not say, it can leave out.
export const DENIALS: Record<DenyReason, DenialSentence> = {
  accessOff: {
    text: ['Internet access is off in this phase of the task.'],
    allow: [
      'Turn internet access on in the environment’s settings, or install what is needed in its setup script.',
    ],
  },
  badAuthority: {
    text: [
      'The address “{text}” is not a plain host name with a port.',
      'The address is not a plain host name with a port.',
    ],
  },
  badRequest: {
    text: [
      'The request is not written in a way that every server reads alike ({problem}).',
      'The request is not written in a way that every server reads alike.',
    ],
  },
  authorityMismatch: {
    text: [
      'The request names “{asked}”, but its connection is for “{host}”.',
      'The request names another host than its connection.',
    ],
  },
  ipLiteral: {
    text: [
      '“{host}” is an address. Only names can be reached.',
      'An address was asked for. Only names can be reached.',
    ],
    allow: ['Use the host’s name. The owner of the backend can allow an address with “egress.allowPrivate”.'],
  },
  localName: {
    text: ['“{host}” is a name of a local network.', 'The name belongs to a local network.'],
    allow: ['The owner of the backend can allow it with “egress.allowPrivate”.'],
  },
  port: {
    text: [
      'Port {port} of {host} is not open: only 80 and 443 are.',
      'This port is not open: only 80 and 443 are.',
    ],
    allow: [
      'Add “{host}:{port}” to the allowed domains in the environment’s internet access.',
      'Add the host with its port to the allowed domains in the environment’s internet access.',
    ],
  },
  deniedDomain: {
    text: ['{host} is among the denied domains.', 'The host is among the denied domains.'],
    allow: ['Remove it from the denied domains in the environment’s internet access.'],
  },
  notAllowed: {
    text: ['{host} is not among the allowed domains.', 'The host is not among the allowed domains.'],
    allow: [
      'Add “{host}” to the allowed domains in the environment’s internet access.',
      'Add it to the allowed domains in the environment’s internet access.',
    ],
  },
  nameNotFound: {
    text: ['{host} could not be resolved.', 'The name could not be resolved.'],
  },
  privateAddress: {
    text: [
      '{host} leads to {address}, which is not a public address.',
      'The name leads to an address that is not public.',
    ],
    allow: ['The owner of the backend can allow it with “egress.allowPrivate”.'],
  },
  metadataAddress: {
    text: [
      '{host} leads to {address}, where clouds hand out credentials.',
      'The name leads to an address where clouds hand out credentials.',
    ],
  },
  ownAddress: {
    text: [
      '{host} leads to {address}, an address of the backend’s own machine.',
      'The name leads to an address of the backend’s own machine.',
    ],
    allow: ['The owner of the backend can allow it with “egress.allowPrivate”.'],
  },
  notTls: {
    text: [
      'What is sent through the tunnel to {host}:{port} is not TLS.',
      'What is sent through the tunnel is not TLS.',
    ],
  },
  noServerName: {
    text: [
      'The TLS connection to {host} does not say which host it is for.',
      'The TLS connection does not say which host it is for.',
    ],
  },
  serverNameMismatch: {
    text: [
      'The TLS connection is for “{asked}”, but the tunnel is for {host}.',
      'The TLS connection is for another host than the tunnel.',
    ],
  },
  encryptedServerName: {
    text: [
      'The TLS connection to {host} hides which host it is for.',
      'The TLS connection hides which host it is for.',
    ],
    allow: ['Turn Encrypted Client Hello off in the program that connects.'],
  },
  method: {
    text: [
      '{method} is not allowed: only GET, HEAD and OPTIONS are.',
      'This method is not allowed: only GET, HEAD and OPTIONS are.',
    ],
    allow: ['Allow all HTTP methods in the environment’s internet access.'],
  },
  body: {
    text: ['Only GET, HEAD and OPTIONS are allowed, and none of them with a body.'],
    allow: ['Allow all HTTP methods in the environment’s internet access.'],
  },
  upgrade: {
    text: ['Changing the protocol to “{protocol}” is not allowed.', 'Changing the protocol is not allowed.'],
    allow: ['WebSockets are open when all HTTP methods are allowed; other protocols never are.'],
  },
  policyChanged: {
    text: [
      'The internet access of the task was changed, and {host} is no longer allowed.',
      'The internet access of the task was changed, and the host is no longer allowed.',
    ],
    allow: [
      'Add “{host}” to the allowed domains in the environment’s internet access.',
      'Add it to the allowed domains in the environment’s internet access.',
    ],
  },
  connectionLimit: {
    text: [
      'The task has {limit} connections open, which is its limit.',
      'The task has as many connections open as it may.',
    ],
    allow: ['Close some, or raise the limit in the backend’s configuration.'],
  },
  byteLimit: {
    text: [
      'The task has moved {limit} bytes, which is its limit.',
      'The task has moved as many bytes as it may.',
    ],
    allow: ['Raise the limit in the backend’s configuration.'],
  },
};

export const RULE_PROBLEMS: Record<RuleProblem, string> = {
  empty: 'An entry is empty. Remove it.',
  notAName: '“{entry}” is not a domain. Write a name such as example.com, without https:// and path.',
  publicSuffix:
    '“{entry}” is a public suffix: everyone can register a name below it. Name the domain that you mean.',
  starAlone: '“{entry}” would allow everything. Choose the preset “All” if that is what you mean.',
  starInDeny: '“{entry}” would deny everything. Turn internet access off if that is what you mean.',
  wildcardInside: '“{entry}”: a star can only stand for whole subdomains at the front, as in *.example.com.',
  badPort: '“{entry}”: the port must be a number from 1 to 65535, and stands only in domain lists.',
  oddAddress: '“{entry}” is an address in an unusual spelling. Write 192.0.2.1 or [2001:db8::1].',
  badCidr: '“{entry}” is not an address range. Write 10.1.0.0/16 or fd12:3456::/32.',
};

/** In plain English, for logs and for whoever reads a configuration file. */
export function ruleProblemInEnglish(problem: RuleProblem, entry: string): string {
  return denialInEnglish([RULE_PROBLEMS[problem]], { entry });
}

function namesIn(template: string): string[] {
  return [...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
}

/** In plain English, for logs and for programs inside the sandbox. */
export function denialInEnglish(
  templates: readonly string[],
  params: Record<string, string | number>,
): string {
  const chosen =
    templates.find((template) => namesIn(template).every((name) => name in params)) ?? templates.at(-1) ?? '';
  return chosen.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? ''));
}
