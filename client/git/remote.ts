/** A remote's address as it may leave the machine. Pure. */

/**
 * Without user names, passwords, tokens, queries; null for an address that means something on this
 * machine only (a path, `file://`).
 */
export function publicRemote(address: string): string | null {
  const text = address.trim();
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    if (!URL.canParse(text)) return null;
    const url = new URL(text);
    if (!['http:', 'https:', 'ssh:', 'git:'].includes(url.protocol) || url.hostname === '') return null;
    // Over ssh the user is part of the address (git@…), and no secret.
    if (url.protocol !== 'ssh:') url.username = '';
    url.password = '';
    url.search = '';
    url.hash = '';
    return url.href;
  }
  // `user@host:path`; a single letter before the colon is a Windows drive.
  return /^(?:[^@/\s:]+@)?[^:/\s@]{2,}:(?!\/\/|:)\S+$/.test(text) ? text : null;
}
