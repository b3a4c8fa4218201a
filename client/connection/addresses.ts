/** From the one address that a person gives to those of RPC and HTTP. */
import { CodexError } from '../../protocol/errors.ts';
import { WS_PATH } from '../../protocol/rpc.ts';

const SCHEMES: Record<string, { http: string; ws: string }> = {
  'http:': { http: 'http:', ws: 'ws:' },
  'ws:': { http: 'http:', ws: 'ws:' },
  'https:': { http: 'https:', ws: 'wss:' },
  'wss:': { http: 'https:', ws: 'wss:' },
};

export interface Addresses {
  /** As shown and reported: no path, no credentials. */
  shown: string;
  socket: string;
  http(path: string): string;
}

export function addressesOf(url: string): Addresses {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const schemes = parsed ? SCHEMES[parsed.protocol] : undefined;
  if (!parsed || !schemes) {
    throw new CodexError('badRequest', {
      where: 'The backend’s address',
      reason: `“${url}” is none. Give one like http://127.0.0.1:7421.`,
    });
  }
  const prefix = `//${parsed.host}${parsed.pathname.replace(/\/+$/, '')}`;
  return {
    shown: `${schemes.http}//${parsed.host}`,
    socket: `${schemes.ws}${prefix}${WS_PATH}`,
    http: (path) => `${schemes.http}${prefix}${path}`,
  };
}
