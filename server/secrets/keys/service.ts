/**
 * Who holds the key-encryption keys: a key management service by its shape, so that one that runs
 * elsewhere can take the place of a file. A key is named by its id and never leaves here; what goes in
 * and out are the keys of single values, bound to their row by `aad`.
 */

export interface KeyService {
  /** The keys' ids, the one that wraps first. Empty: there is none yet, and `wrap` makes one. */
  ids(): Promise<string[]>;
  /** With the newest key. */
  wrap(key: Buffer, aad: Buffer): Promise<Wrapped>;
  unwrap(wrapped: Wrapped, aad: Buffer): Promise<Unwrapped>;
  /** Makes a new key, and wraps with it from now on; where keys are given to it, it stays as it is. */
  renew(): Promise<void>;
}

export interface Wrapped {
  kekId: string;
  bytes: Buffer;
}

export type Unwrapped =
  | { kind: 'key'; key: Buffer }
  /** No key of this id is here. */
  | { kind: 'unknownKey' }
  /** Another key, another row, or changed bytes: which of them can't be told. */
  | { kind: 'unreadable' };
