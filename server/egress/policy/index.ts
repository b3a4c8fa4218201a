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
export { asciiName, parseAbsolute, parseAuthority } from './authority.ts';
export { checkRequest } from './request.ts';
export { denialResponse, type DenialResponse } from './response.ts';
export { compileRules, type Rules } from './rules.ts';
export { checkAddresses, checkServerName, checkTarget } from './target.ts';
export * from './types.ts';
