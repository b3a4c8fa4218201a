/** What the tests of the stand-in ask it with: `fetch` as a well-behaved client, and git with a token. */
import { tryGitAsync, type GitRun } from '../../support/git.ts';
import type { StandIn } from '../../support/github/index.ts';

export interface Asked {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

export interface Asking {
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** `path` below the API's address, or a whole address. */
export async function ask(github: StandIn, request: string, asking: Asking = {}): Promise<Asked> {
  const [method = '', path = ''] = request.split(' ');
  const { token, body, headers } = asking;
  const answer = await fetch(path.startsWith('http') ? path : `${github.apiUrl}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // A diff, a page, nothing.
  }
  return { status: answer.status, headers: answer.headers, text, json };
}

/** The messages of a `422`. */
export function messages({ json }: Asked): unknown[] {
  return ((json['errors'] ?? []) as { message?: string; field?: string }[]).map(
    (error) => error.message ?? error.field,
  );
}

/** Git as a client of it; the token comes from a helper, when it is asked for. */
export function gitWith(token: string | null, dir: string, ...args: string[]): Promise<GitRun> {
  const env: Record<string, string> =
    token === null
      ? {}
      : {
          TEST_TOKEN: token,
          GIT_CONFIG_COUNT: '1',
          GIT_CONFIG_KEY_0: 'credential.helper',
          GIT_CONFIG_VALUE_0:
            '!helper() { echo username=x-access-token; echo "password=$TEST_TOKEN"; }; helper',
        };
  return tryGitAsync(dir, args, { env });
}
