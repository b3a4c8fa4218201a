/**
 * Secrets as the rest of the backend sees them: the vault keeps them, a redactor takes them out of
 * whatever is stored or shown, and finds them where they must not be.
 *
 * A value is searched for in the forms that common tools give it (`forms.ts`), which
 * `docs/secrets.md` tells a person too. What takes its place is `[secret NAME]`.
 */
import type { SecretView } from '../../protocol/secret.ts';

export interface OpenSecret {
  name: string;
  /** Never the same for two values; tells nothing about them. */
  id: string;
  value: string;
}

export interface Vault {
  /** Throws `CodexError` badRequest, secretsTooMany, secretKeyMissing, environmentUnknown. */
  put(environment: string, name: string, value: string, who: string): Promise<SecretView>;
  /** Throws `CodexError` secretUnknown. */
  delete(environment: string, name: string): Promise<void>;
  list(environment: string): Promise<SecretView[]>;
  /** For a setup, and for redaction. Throws `CodexError` secretKeyMissing, secretKeyUnknown, secretUnreadable. */
  open(environment: string): Promise<OpenSecret[]>;
  /** When the environment is deleted. */
  deleteAll(environment: string): Promise<void>;
  /**
   * Wraps every value's key with the newest key-encryption key; the values and their ids stay. What could
   * not be opened is thrown after all others have their new key.
   */
  rotate(): Promise<{ rewrapped: number }>;
}

/** Output as it may be kept, and how many bytes of the original it stands for. */
export interface Redacted {
  bytes: Buffer;
  standsFor: number;
  /**
   * Where something was taken out: how many of the last bytes are the original's own, and for how many of the
   * original's the mark before them stands.
   */
  end?: { plain: number; marked: number };
}

/** One stream, in order: what could be the beginning of a secret is held back until it is clear. */
export interface RedactStream {
  push(bytes: Buffer): Redacted;
  end(): Redacted;
}

/** One stream, in order: the name of a secret in it, as soon as one is found, and ever after. */
export interface FindStream {
  push(bytes: Buffer): string | null;
}

export interface Redactor {
  /** Nothing to look for: then everything passes as it is, at no cost. */
  readonly isEmpty: boolean;
  text(text: string): string;
  bytes(bytes: Buffer): Buffer;
  /** Every string in it, keys too. Returns the same object when nothing was found. */
  json<T>(value: T): T;
  stream(): RedactStream;
  finder(): FindStream;
  /** The name of a secret in these bytes, or null. */
  find(bytes: Buffer): string | null;
}
