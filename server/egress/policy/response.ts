/**
 * A refusal as a program inside the sandbox gets it: which rule, one sentence, and how a person can
 * allow it. The reason is also a header, because many programs hide the body of a failed CONNECT.
 */
import { DENIALS, denialInEnglish } from '../../../protocol/denials.ts';
import type { DenyReason } from '../../../protocol/egress.ts';
import type { Denial, Target } from './types.ts';

const STATUS: Partial<Record<DenyReason, number>> = {
  badAuthority: 400,
  badRequest: 400,
  authorityMismatch: 421,
  serverNameMismatch: 421,
  connectionLimit: 429,
  byteLimit: 429,
  nameNotFound: 502,
};

export interface DenialResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function denialResponse(denial: Denial, target: Partial<Target> = {}): DenialResponse {
  const { text, allow } = DENIALS[denial.reason];
  const params = { ...knownTarget(target), ...denial.params };
  const body = `${JSON.stringify({
    error: 'egress_denied',
    deniedBy: 'the internet access policy of this task',
    reason: denial.reason,
    ...knownTarget(target),
    message: denialInEnglish(text, params),
    ...(allow ? { howToAllow: denialInEnglish(allow, params) } : {}),
  })}\n`;
  return {
    status: STATUS[denial.reason] ?? 403,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      'x-proxy-error': denial.reason,
    },
    body,
  };
}

function knownTarget({ host, port }: Partial<Target>): { host?: string; port?: number } {
  return { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) };
}
