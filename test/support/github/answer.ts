/** What a route gives back, and the refusals of GitHub in its own words. */

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** Sent as JSON; a `Buffer` as it is. */
  body?: unknown;
}

const DOCS = 'https://docs.github.com/rest';

/** Thrown by a route: the request ends with this status. */
export class Refusal extends Error {
  readonly answer: Answer;
  constructor(status: number, message: string, more: Record<string, unknown> = {}, headers = {}) {
    super(message);
    this.answer = {
      status,
      headers,
      body: { message, documentation_url: DOCS, status: String(status), ...more },
    };
  }
}

export interface Invalid {
  resource: string;
  code: 'invalid' | 'missing' | 'missing_field' | 'already_exists' | 'custom' | 'too_large';
  field?: string;
  message?: string;
}

export function validationFailed(...errors: Invalid[]): Refusal {
  return new Refusal(422, 'Validation Failed', { errors });
}

export const notFound = () => new Refusal(404, 'Not Found');
export const badCredentials = () => new Refusal(401, 'Bad credentials');
export const requiresAuthentication = () => new Refusal(401, 'Requires authentication');
