/** The words of the policy: what is asked for, and what is answered. */
import type { DenyReason, RuleProblem } from '../../../protocol/egress.ts';

/** Configuration of the backend's owner; no environment and no client can set it. */
export interface OwnerRules {
  /** Addresses that are not public and may be reached all the same, each under one name (rule grammar). */
  allowPrivate: readonly { host: string; cidr: string }[];
  /** `http://proxy.example:3128`: what is allowed is dialled through it. */
  upstreamProxy?: string;
  /** A PEM file with authorities that upstream certificates may also come from. */
  extraCa?: string;
  intercept: 'whenNeeded' | 'always';
}

export type DenyParams = Record<string, string | number>;

export interface Denial {
  verdict: 'deny';
  reason: DenyReason;
  params: DenyParams;
}

/** `intercept`: TLS must be ended here so that every request inside can be checked. */
export type TargetVerdict = { verdict: 'allow'; intercept: boolean } | Denial;
export type AddressVerdict = { verdict: 'allow' } | Denial;
/**
 * `path`: what goes upstream as the request target, byte for byte, in origin form (or `*`); never to be
 * parsed as a URL again (`//other.host/` is a path). `upgrade`: it asks for a WebSocket, and may.
 */
export type RequestVerdict = { verdict: 'allow'; path: string; upgrade: boolean } | Denial;

/**
 * A host as everyone reads it: lower case, IDNA in ASCII, no trailing dot; IPv4 as four decimals,
 * IPv6 compressed and without brackets (`ip` says which it is; 0 is a name).
 */
export interface Authority {
  host: string;
  ip: 0 | 4 | 6;
  /** Null where none was written; the scheme's default then. */
  port: number | null;
}

/** What will be dialled. */
export interface Target {
  scheme: 'http' | 'https';
  host: string;
  ip: 0 | 4 | 6;
  port: number;
}

/** `http://host[:port]/path?query` as a proxy gets it in the request line. */
export interface AbsoluteTarget extends Target {
  /** Origin form, byte for byte what was written; `/` when empty. */
  path: string;
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; denial: Denial };

/** `connect` must have a port; `host` (the header) and `authority` (`:authority`) may. */
export type AuthorityKind = 'connect' | 'host' | 'authority';

/** The head of a request, untouched, as Node hands it over. */
export interface RequestHead {
  method: string;
  /** `request.url`: the request target as received. */
  url: string;
  httpVersion: string;
  /** `request.rawHeaders`: name, value, name, value, … with HTTP/2's pseudo headers. */
  rawHeaders: readonly string[];
  /** HTTP/2 only (`stream.endAfterHeaders`): no body follows. */
  endsWithHeaders?: boolean;
}

/** What the first bytes in a tunnel say. */
export type ClientHelloFacts =
  | { tls: false }
  /** `serverName` null: none sent. `encrypted`: an encrypted_client_hello extension is there. */
  | { tls: true; serverName: string | null; encrypted: boolean };

/** One entry of a list that can't be a rule. */
export interface RuleError {
  list: 'allow' | 'deny' | 'allowPrivate';
  entry: string;
  problem: RuleProblem;
}
