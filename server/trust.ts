/** The certificate authorities that this machine trusts, its system's own ones among them. */
import * as tls from 'node:tls';

export function trustedAuthorities(): string[] {
  // Node before 22.15 can't read the system's; it has the ones that it ships.
  if (typeof tls.getCACertificates !== 'function') return [...tls.rootCertificates];
  return [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])];
}

let made: { of: readonly string[]; context: tls.SecureContext } | null = null;

/**
 * For connections of the backend's own. Made once: reading a few hundred certificates takes some 30 ms. Null where
 * Node can't name what it trusts: then its own way knows of `NODE_EXTRA_CA_CERTS`, and a list of ours would not.
 */
export function trustedContext(): tls.SecureContext | null {
  if (typeof tls.getCACertificates !== 'function') return null;
  const now = tls.getCACertificates('default');
  if (made?.of !== now) made = { of: now, context: tls.createSecureContext({ ca: trustedAuthorities() }) };
  return made.context;
}
