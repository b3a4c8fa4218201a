/** The certificate authorities that this machine trusts, its system's own ones among them. */
import * as tls from 'node:tls';

export function trustedAuthorities(): string[] {
  // Node before 22.15 can't read the system's; it has the ones that it ships.
  if (typeof tls.getCACertificates !== 'function') return [...tls.rootCertificates];
  return [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])];
}
