/**
 * The certificate authority of one installation, for TLS that the proxy ends itself.
 *
 * First the authority is read from the data folder, or made there; its key (mode 0600) never leaves
 * the backend. Then, for each host that is intercepted, a certificate on one key that lives in memory
 * only. Whoever calls has checked the host before: nothing here decides what may be reached.
 */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { makeAuthority, makeLeaf, makeLeafKey, readAuthority } from './certificates.ts';

/** Where in the data folder. */
const KEY_FILE = 'authority.key.pem';
const CERTIFICATE_FILE = 'authority.crt.pem';
/** A sandbox is kept for follow-ups for a day at most; it must not outlive what it trusts. */
const RENEW_AUTHORITY_MS = 30 * 24 * 3_600_000;
const RENEW_LEAF_MS = 24 * 3_600_000;
/** One context holds some 30 KB; a task that walks through more hosts than this makes them anew. */
const CONTEXTS_MAX = 500;

export interface Authority {
  /** What a sandbox has to trust. */
  readonly certificatePem: string;
  /** A context with a certificate for this host name (lower case, ASCII). */
  contextFor(host: string): Promise<SecureContext>;
}

/** Reads or makes the authority in this folder. */
export async function openAuthority(folder: string, contextsMax = CONTEXTS_MAX): Promise<Authority> {
  const signer = await load(folder);
  const leafKey = await makeLeafKey();
  const contexts = new Map<string, { context: Promise<SecureContext>; until: number }>();

  const make = async (host: string): Promise<SecureContext> =>
    createSecureContext({
      key: leafKey.pem,
      cert: await makeLeaf(signer, leafKey, host),
      minVersion: 'TLSv1.2',
    });

  return {
    certificatePem: signer.pem,
    contextFor(host) {
      const known = contexts.get(host);
      contexts.delete(host);
      const fresh =
        known && known.until > Date.now()
          ? known
          : { context: make(host), until: Date.now() + RENEW_LEAF_MS };
      contexts.set(host, fresh);
      const oldest = contexts.keys().next();
      if (contexts.size > contextsMax && !oldest.done) contexts.delete(oldest.value);
      fresh.context.catch(() => contexts.delete(host));
      return fresh.context;
    },
  };
}

async function load(folder: string): ReturnType<typeof readAuthority> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keyFile = join(folder, KEY_FILE);
  const certificateFile = join(folder, CERTIFICATE_FILE);
  try {
    const [key, certificate] = await Promise.all([
      readFile(keyFile, 'utf8'),
      readFile(certificateFile, 'utf8'),
    ]);
    const signer = await readAuthority(key, certificate);
    if (signer.notAfter.getTime() - Date.now() > RENEW_AUTHORITY_MS) {
      await chmod(keyFile, 0o600);
      return signer;
    }
  } catch {
    // Missing, cut off, or a pair that does not belong together: an authority is cheap to make anew.
  }
  const made = await makeAuthority();
  await writeWhole(keyFile, made.key, 0o600);
  await writeWhole(certificateFile, made.certificate, 0o644);
  return readAuthority(made.key, made.certificate);
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const partial = `${path}.${process.pid}.tmp`;
  await writeFile(partial, text, { mode });
  await chmod(partial, mode);
  await rename(partial, path);
}
