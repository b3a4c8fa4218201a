/**
 * Sends commits to the backend's git endpoint, under incoming refs named after the commits.
 *
 * The token travels as a header that is given to git in its environment and for this address only:
 * never in the command line, the URL or a file. Nothing of the person's push settings, credentials
 * or hooks takes part.
 */
import { CodexError } from '../../protocol/errors.ts';
import { INCOMING_REF_PREFIX } from '../../protocol/http.ts';
import { runGit, type GitEnd } from '../git/git.ts';

export interface PushProgress {
  /** git's own word for it: `Counting objects`, `Compressing objects`, `Writing objects`. */
  step: string;
  done: number;
  total: number;
}

export interface PushOptions {
  root: string;
  /** The snapshot; the commit it stands on too, so that the next push need not send its history again. */
  commits: readonly string[];
  /** `http(s)://host:port/git/<repoId>.git` */
  url: string;
  token: string;
  gitEnv?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  onProgress?: (progress: PushProgress) => void;
}

const PROGRESS = /(?:^|[\r\n])(?:remote: )?([A-Z][a-z]+ [a-z]+): +\d+% \((\d+)\/(\d+)\)/g;
/** git's HTTP transport names the status it was answered with; the number is all that is used. */
const HTTP_STATUS = /(?:HTTP|returned error:) (\d{3})\b/;
/** Only to word an error better: not worth a longer wait. */
const PROBE_TIMEOUT_MS = 5_000;
const REJECTED = /^!\t/m;

/** Throws `CodexError` unauthorized | repoUnknown | pushRefused | pushTooLarge | diskFull | gitFailed | cancelled. */
export async function pushCommits(options: PushOptions): Promise<void> {
  const refspecs = [...new Set(options.commits)].map((sha) => `${sha}:${incomingRef(sha)}`);
  let end = await push(options, refspecs);
  // The same commit may be arriving from somewhere else at this moment: then it is there now.
  if (end.code !== 0 && REJECTED.test(end.stdout.toString('utf8'))) end = await push(options, refspecs);
  if (end.code !== 0) throw await failure(options, end);
}

/** A uuid made of the commit's own name: the same commit is the same ref, however often it is sent. */
export function incomingRef(sha: string): string {
  const hex = sha.slice(0, 32);
  const uuid = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${'89ab'[Number.parseInt(hex[16] ?? '0', 16) & 3]}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return `${INCOMING_REF_PREFIX}${uuid.join('-')}`;
}

async function push(options: PushOptions, refspecs: readonly string[]): Promise<GitEnd> {
  const { onProgress } = options;
  return runGit(
    options.root,
    [
      'push',
      '--porcelain',
      '--progress',
      '--no-verify',
      '--no-signed',
      '--no-follow-tags',
      '--recurse-submodules=no',
      options.url,
      ...refspecs,
    ],
    {
      env: { ...options.gitEnv, ...headerEnvironment(options.url, options.token) },
      config: ['push.negotiate=false', 'push.pushOption=', 'http.followRedirects=false', 'core.askPass='],
      okCodes: [0, 1, 128],
      ...(options.signal ? { signal: options.signal } : {}),
      ...(onProgress ? { onStderr: (text) => reportProgress(text, onProgress) } : {}),
    },
  );
}

function reportProgress(text: string, report: (progress: PushProgress) => void): void {
  for (const [, step = '', done, total] of text.matchAll(PROGRESS)) {
    report({ step, done: Number(done), total: Number(total) });
  }
}

/**
 * Settings for this address alone, after those that the person's environment may hold. An empty
 * value first clears what their own configuration would add: other headers, credential helpers.
 */
export function headerEnvironment(url: string, token: string): Record<string, string> {
  const before = Number(process.env['GIT_CONFIG_COUNT'] ?? '0');
  const first = Number.isSafeInteger(before) && before > 0 ? before : 0;
  const settings: [string, string][] = [
    [`http.${url}.extraHeader`, ''],
    [`http.${url}.extraHeader`, `Authorization: Bearer ${token}`],
    ['credential.helper', ''],
    // A proxy cannot reach this machine's own loopback.
    ...(isLoopback(url) ? ([[`http.${url}.proxy`, '']] as [string, string][]) : []),
  ];
  const env: Record<string, string> = {
    GIT_CONFIG_COUNT: String(first + settings.length),
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
  };
  for (const [offset, [key, value]] of settings.entries()) {
    env[`GIT_CONFIG_KEY_${first + offset}`] = key;
    env[`GIT_CONFIG_VALUE_${first + offset}`] = value;
  }
  return env;
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}

async function failure(options: PushOptions, end: GitEnd): Promise<CodexError> {
  const detail = `git push ended with ${end.code}: ${end.stderr.trim()}`;
  const named = HTTP_STATUS.exec(end.stderr)?.[1];
  const status = named === undefined ? await askStatus(options) : Number(named);
  switch (status) {
    case 401:
      return new CodexError('unauthorized', {}, { detail });
    case 403:
      return new CodexError('pushRefused', {}, { detail });
    case 404:
      return new CodexError('repoUnknown', {}, { detail });
    case 413:
      return new CodexError('pushTooLarge', {}, { detail });
    case 507:
      return new CodexError('diskFull', {}, { detail });
  }
  if (REJECTED.test(end.stdout.toString('utf8'))) return new CodexError('pushRefused', {}, { detail });
  return new CodexError('gitFailed', { command: 'push', exitCode: end.code }, { detail });
}

/** Refused credentials make git ask for others, and it no longer says why. The backend does. */
async function askStatus({ url, token }: PushOptions): Promise<number> {
  try {
    const answer = await fetch(`${url}/info/refs?service=git-receive-pack`, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'manual',
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return 0;
  }
}
