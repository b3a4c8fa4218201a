/** What goes wrong on the way, told by a test: for one request, for some, or until it is turned off. */

export type Fault =
  /** Another answer. With `worked` the request was carried out, and only its answer is lost. */
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: unknown; worked?: boolean }
  /** The connection ends once so many bytes of the request's body have come. */
  | { kind: 'cutRequest'; afterBytes: number }
  /** The work is done; the connection ends after so many bytes of the answer's body, 0: before any of it. */
  | { kind: 'cutAnswer'; afterBytes: number }
  /** Nothing ever comes back. */
  | { kind: 'silence'; worked?: boolean }
  | { kind: 'delay'; ms: number };

/** A route as the log names it, `api`, `git`, or a pattern. */
export type On = string | RegExp;

export interface Times {
  /** How often; once, unless said. */
  times?: number;
  /** So many requests are left alone first. */
  skip?: number;
}

export interface Armed {
  off(): void;
  /** How often it happened. */
  readonly hits: number;
}

export interface Plan<T> {
  add(on: On, what: T, times?: Times): Armed;
  /** What is due for this request, each with how to say that it happened. */
  due(route: string): { what: T; hit(): void }[];
}

export function makePlan<T>(): Plan<T> {
  const entries: { on: On; what: T; left: number; skip: number; hits: number }[] = [];
  const isFor = (on: On, route: string) => {
    if (on instanceof RegExp) return on.test(route);
    return on === route || on === (route.startsWith('git ') ? 'git' : 'api');
  };
  const due: Plan<T>['due'] = (route) =>
    entries
      .filter((entry) => entry.left > 0 && isFor(entry.on, route))
      .flatMap((entry) => {
        if (entry.skip > 0) {
          entry.skip -= 1;
          return [];
        }
        const hit = () => {
          entry.left -= 1;
          entry.hits += 1;
        };
        return [{ what: entry.what, hit }];
      });
  return {
    due,
    add(on, what, { times = 1, skip = 0 } = {}) {
      const entry = { on, what, left: times, skip, hits: 0 };
      entries.push(entry);
      return {
        off: () => void (entry.left = 0),
        get hits() {
          return entry.hits;
        },
      };
    },
  };
}

const seconds = (inS: number) => String(Math.ceil(Date.now() / 1000) + inS);

/** The hour's requests are used up. GitHub says 403, or 429. */
export function rateLimit({ status = 403, resetInS = 1 } = {}): Fault {
  return {
    kind: 'answer',
    status,
    headers: {
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': seconds(resetInS),
    },
    body: {
      message: 'API rate limit exceeded for user ID 1.',
      documentation_url: 'https://docs.github.com/rest',
    },
  };
}

/** Too much at once. Mostly with `retry-after`, and not always. */
export function secondaryRateLimit(options: { status?: number; retryAfterS?: number | null } = {}): Fault {
  const { status = 403, retryAfterS = 1 } = options;
  return {
    kind: 'answer',
    status,
    headers: retryAfterS === null ? {} : { 'retry-after': String(retryAfterS) },
    body: {
      message:
        'You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID.',
      documentation_url:
        'https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits',
    },
  };
}

/** What a proxy, a captive portal, or a server in trouble gives instead. */
export function garbage(status = 200): Fault {
  return {
    kind: 'answer',
    status,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: Buffer.from('<!DOCTYPE html><html><body><h1>Unicorn!</h1></body></html>\n'),
  };
}

export function status(
  code: number,
  message = 'Something went wrong',
  headers: Record<string, string> = {},
): Fault {
  return {
    kind: 'answer',
    status: code,
    headers,
    body: { message, documentation_url: 'https://docs.github.com/rest' },
  };
}
