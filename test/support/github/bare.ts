/** What git and GitHub alone take, for a benchmark of what we add to it. In milliseconds. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { GIT_ENV } from './git.ts';

/** `git push` of a clone, as a person with a token would. */
export async function barePush(dir: string, url: string, token: string, refspec: string): Promise<number> {
  const started = performance.now();
  const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
  const child = spawn('git', ['push', '--quiet', url, refspec], {
    cwd: dir,
    env: {
      PATH: process.env['PATH'],
      ...GIT_ENV,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`git push ended with ${code}: ${Buffer.concat(said).toString('utf8')}`);
  return performance.now() - started;
}

/** One request to the API, with its answer read. */
export async function bareCall(
  apiUrl: string,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<number> {
  const started = performance.now();
  const answer = await fetch(`${apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${text}`);
  return performance.now() - started;
}
