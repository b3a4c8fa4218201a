/** A forge that can be used, wherever its credential is kept. */
import type { WireError } from '../../protocol/errors.ts';
import type { ForgeKind } from '../../protocol/forge.ts';
import type { Forge } from './forge.ts';

export type ForgeSecret =
  | { how: 'token'; token: string }
  /** `id`: as GitHub numbers apps, or its client id. */
  | { how: 'app'; id: string; key: string };

export interface Connection {
  host: string;
  kind: ForgeKind;
  apiUrl: string;
  how: ForgeSecret['how'];
  from: 'owner' | 'client';
  /** Null: `problem` says why. */
  secret: ForgeSecret | null;
  /** With which the forge signs what it sends. */
  webhookSecret?: string;
  problem?: WireError;
  account?: string;
  installUrl?: string;
  connectedBy?: string;
  connectedAt?: number;
}

export interface Identity {
  account: string;
  login: string;
  name?: string;
  email?: string;
  /** Of an app. */
  installUrl?: string;
}

export interface OpenForge extends Forge {
  whoAmI(): Promise<Identity>;
  /** What is secret of it now: also what an app was handed. */
  secrets(): string[];
}
