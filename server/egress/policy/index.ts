/**
 * May this leave the sandbox? Pure functions from a policy and what is asked to a verdict with its
 * reason. The proxy asks in this order and dials only what the last answer names:
 *
 *   1. `parseAuthority` (CONNECT, Host, `:authority`) or `parseAbsolute` (`GET http://…`): one strict
 *      grammar; what two parsers could read differently is refused
 *   2. `checkTarget`: access, address instead of a name, local name, port, denied, allowed
 *   3. resolve once; `checkAddresses`: every answer must be public
 *   4. for a tunnel `checkServerName`: TLS, and for the very host that CONNECT named
 *   5. for each plain or intercepted request `checkRequest`: framing, host, method, body, upgrade
 *
 * Nothing in this folder does I/O, reads a clock or keeps state.
 */
import type { AccessPolicy } from '../../../protocol/egress.ts';
import type {
  AbsoluteTarget,
  AddressVerdict,
  Authority,
  AuthorityKind,
  ClientHelloFacts,
  Denial,
  OwnerRules,
  Parsed,
  RequestHead,
  RequestVerdict,
  RuleError,
  Target,
  TargetVerdict,
} from './types.ts';

export * from './types.ts';

/** Opaque to callers. */
export interface Rules {
  readonly policy: AccessPolicy;
  readonly owner: OwnerRules;
}

export declare function compileRules(
  policy: AccessPolicy,
  owner: OwnerRules,
): { ok: true; rules: Rules } | { ok: false; errors: RuleError[] };

export declare function parseAuthority(text: string, kind: AuthorityKind): Parsed<Authority>;
export declare function parseAbsolute(text: string): Parsed<AbsoluteTarget>;
export declare function checkTarget(rules: Rules, target: Target): TargetVerdict;
/** `own`: every address of the host's own interfaces, asked for anew by the caller. */
export declare function checkAddresses(
  rules: Rules,
  host: string,
  addresses: readonly string[],
  own: readonly string[],
): AddressVerdict;
export declare function checkServerName(
  target: Target,
  hello: ClientHelloFacts,
): { verdict: 'allow' } | Denial;
export declare function checkRequest(rules: Rules, target: Target, head: RequestHead): RequestVerdict;

/** For answers to HTTP: status 403, `x-proxy-error: <reason>` and a JSON body with the sentence. */
export declare function denialResponse(
  denial: Denial,
  target: Partial<Target>,
): { status: number; headers: Record<string, string>; body: string };
