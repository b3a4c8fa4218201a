/** A refusal in words, and what to add to the allowed domains. Pure. */
import type { Translate } from '../../../client/words/index.ts';
import type { Denial } from '../attempt.ts';

/** What to add so that it is not refused again, when a list of domains can do that. */
export function domainToAllow({ domain, host, port, reason }: Denial): string | undefined {
  if (domain !== undefined) return domain;
  if (host === '') return undefined;
  const named = host.includes(':') ? `[${host}]` : host;
  if (reason === 'port') return `${named}:${port}`;
  return reason === 'policyChanged' ? named : undefined;
}

/** A method is named only when it is why. */
const ABOUT_METHOD: ReadonlySet<string> = new Set(['method', 'body', 'upgrade']);

export function placeOf({ host, port, method, reason }: Denial, t: Translate): string {
  const open = port === 0 || port === 80 || port === 443;
  const place = host === '' ? t('A request', {}) : open ? host : `${host}:${port}`;
  return method !== undefined && ABOUT_METHOD.has(reason) ? `${method} ${place}` : place;
}

export function paramsOf({ host, port, method }: Denial): Record<string, string | number> {
  return {
    ...(host === '' ? {} : { host }),
    ...(port === 0 ? {} : { port }),
    ...(method === undefined ? {} : { method }),
  };
}
