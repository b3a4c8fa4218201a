/** A tunnel whose inside is looked into: what its two halves share. */
import type { Duplex } from 'node:stream';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { Connection } from './connection.ts';
import type { Checked, Connected, Failed } from './dial.ts';
import type { Flight } from './flight.ts';
import type { TaskCore } from './task.ts';

export interface Tunnel {
  task: TaskCore;
  connection: Connection;
  client: Duplex;
  flight: Flight;
  checked: Checked;
  /** The first connection to the server. */
  server: Connected;
}

/** The server's side, or why there is none. */
export type Secured = { ok: true; tls: TLSSocket } | { ok: false; failed: Failed };

/** The certificate for the one name that the ClientHello was checked to ask for. */
export function identity(context: SecureContext): {
  SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void) => void;
} {
  return { SNICallback: (_name, done) => done(null, context) };
}

/** Most often a program that does not know our authority. */
export function clientRefused({ flight, client }: Tunnel): void {
  flight.finish('failed', 'clientTls');
  client.destroy();
}
