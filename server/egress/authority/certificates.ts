/** EC P-256 certificates: the authority's own, and those of the hosts (RFC 5280, as `-x509_strict` reads it). */
// The library's dependency container wants it before anything of the library is loaded.
import 'reflect-metadata';
import { createPublicKey, randomBytes } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const DAY_MS = 24 * 3_600_000;
const AUTHORITY_DAYS = 5 * 365;
const LEAF_DAYS = 7;
/** Clocks differ: a certificate is valid from yesterday on. */
const SKEW_MS = DAY_MS;
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface Signer {
  readonly pem: string;
  readonly notAfter: Date;
  readonly certificate: X509Certificate;
  readonly key: CryptoKey;
}

export interface LeafKey {
  readonly pem: string;
  readonly publicKey: CryptoKey;
}

/** A new authority, as two PEM files. */
export async function makeAuthority(): Promise<{ key: string; certificate: string }> {
  const keys = await newKeys();
  const name = `CN=Codex Tasks proxy ${randomBytes(4).toString('hex')}, O=Codex Tasks`;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: name,
    issuer: name,
    ...validFor(AUTHORITY_DAYS),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: EC,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await privatePem(keys.privateKey), certificate: `${certificate.toString('pem')}\n` };
}

/** Throws when the two don't belong together. */
export async function readAuthority(keyPem: string, certificatePem: string): Promise<Signer> {
  const der = PemConverter.decodeFirst(keyPem);
  const key = await crypto.subtle.importKey('pkcs8', der, EC, false, ['sign']);
  const certificate = new X509Certificate(certificatePem);
  const ofKey = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
  if (!ofKey.equals(Buffer.from(certificate.publicKey.rawData)))
    throw new Error("the authority's key and certificate are not a pair");
  return { pem: certificatePem, notAfter: certificate.notAfter, certificate, key };
}

export async function makeLeafKey(): Promise<LeafKey> {
  const keys = await newKeys();
  return { pem: await privatePem(keys.privateKey), publicKey: keys.publicKey };
}

/** A certificate for one host name, as PEM. */
export async function makeLeaf(signer: Signer, leafKey: LeafKey, host: string): Promise<string> {
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // The name is in the extension alone: a common name may have 64 characters, a host name 253.
    subject: 'CN=Codex Tasks proxy host, O=Codex Tasks',
    issuer: signer.certificate.subject,
    ...validFor(LEAF_DAYS),
    publicKey: leafKey.publicKey,
    signingKey: signer.key,
    signingAlgorithm: EC,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: host }]),
      await SubjectKeyIdentifierExtension.create(leafKey.publicKey),
      await AuthorityKeyIdentifierExtension.create(signer.certificate),
    ],
  });
  return certificate.toString('pem');
}

async function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
}

async function privatePem(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - SKEW_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** Positive, as RFC 5280 wants it. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
