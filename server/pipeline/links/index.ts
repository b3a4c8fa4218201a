/**
 * The links of a prompt, and of what is said while a turn runs, that lead to an issue, a pull request or its diff at
 * a connected forge, read once with the backend's own access: texts for the model, diffs as files beside the
 * repository. All attempts get the same. Nothing of that access enters a sandbox, and secrets are taken out of what
 * was read.
 *
 * A link that can't be read is told, to the person and the model, and keeps no turn from going on. What others wrote
 * in a prompt is not followed. A task that a comment started reads only its own repository: what it answers is seen by
 * everybody who sees that.
 */
import { CodexError, type ErrorCode } from '../../../protocol/errors.ts';
import type { NewEvent } from '../../../protocol/events.ts';
import { FORGE_READ_MS, LIMITS, LINKS_PER_PROMPT, STEER_LINKS_MS } from '../../../protocol/limits.ts';
import { USUAL_PLACES } from '../../../protocol/places.ts';
import type { Linked, LinkedFile, PromptLinks, Unread } from '../../agent/linked.ts';
import type { Steer } from '../../agent/steering.ts';
import type { ForgeLink, Forges } from '../../forge/forge.ts';
import { ownWords } from '../../others-words.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { Redactor } from '../../secrets/types.ts';
import type { TurnContext } from '../../tasks/turn-context.ts';
import { issueText, pullText } from './text.ts';

/** What a turn's links lead to, before a sandbox is there to lay it in. */
export interface ReadLinks {
  in(sandbox: Pick<Sandbox, 'put' | 'get' | 'places'>): PromptLinks;
}

type Found =
  | { kind: 'text'; link: ForgeLink; what: string; title: string; text: string; isCut: boolean }
  | { kind: 'file'; link: ForgeLink; file: LinkedFile; bytes: number }
  | { kind: 'unread'; link: ForgeLink; why: Unread };

interface All {
  found: Found[];
  /** More than are read at once. */
  left: number;
}

/** More than is told, so that what is left out is what is said to be. */
const READ_BYTES = LIMITS.forgeTextBytes.cap;

const NONE: All = { found: [], left: 0 };

/** Begins at once where the turn has not had its prompt before; undefined where no forge is connected. */
export function readLinks(
  forges: Pick<Forges, 'linksIn'> | undefined,
  turn: TurnContext,
  redactor: Redactor,
): ReadLinks | undefined {
  if (!forges) return undefined;
  const readings = new Map<string, Promise<All>>();
  const read = (said?: Steer): Promise<All> => {
    const key = said?.id ?? 'prompt';
    const known = readings.get(key);
    if (known) return known;
    const reading = readAll(forges, said ?? { text: turn.prompt }, {
      turn,
      redactor,
      deadline: deadlineOf(said),
    });
    readings.set(key, reading);
    return reading;
  };
  if (!turn.resumed && !turn.onlySetup) read().catch(() => {});
  return {
    in: (sandbox) => {
      const pathOf = ({ name }: LinkedFile) => `${(sandbox.places ?? USUAL_PLACES).run}/links/${name}`;
      return {
        async read(said) {
          const { found, left } = await read(said);
          return {
            linked: found.map((one) => asLinked(one, pathOf)),
            events: [...found.flatMap((one) => told(one, turn, pathOf)), ...toldLeft(found, left)],
          };
        },
        async lay(file) {
          const path = pathOf(file);
          if ((await sandbox.get(path, 1)) !== null) return;
          const bytes = await turn.files.load(file.sha256);
          if (bytes) await sandbox.put(path, bytes);
        },
      };
    },
  };
}

interface Reading {
  turn: TurnContext;
  redactor: Redactor;
  /** Of one request. */
  deadline: () => AbortSignal;
}

/** Of a prompt each has its own time; what is said to an agent at work waits once for all of its links. */
function deadlineOf(said: Steer | undefined): () => AbortSignal {
  if (!said) return () => AbortSignal.timeout(FORGE_READ_MS);
  const all = AbortSignal.timeout(STEER_LINKS_MS);
  return () => all;
}

async function readAll(
  forges: Pick<Forges, 'linksIn'>,
  { text }: { text: string },
  of: Reading,
): Promise<All> {
  const { turn } = of;
  const links = await soon(of, () => followed(forges, turn, text)).catch((error: unknown) => {
    // Without a link that is known there is nothing to tell of.
    if (turn.signal.aborted) throw error;
    return [];
  });
  const all = [...new Map(links.map((link) => [keyOf(link), link])).values()];
  if (all.length === 0) return NONE;
  const wanted = all.slice(0, LINKS_PER_PROMPT);
  const texts = wanted.filter(({ kind }) => kind !== 'diff').length;
  const room = Math.floor(turn.limits.forgeTextBytes / Math.max(1, texts));
  const found = await Promise.all(wanted.map((link) => readOne(of, link, room)));
  return { found, left: all.length - wanted.length };
}

/**
 * What somebody else wrote (a review that became a follow-up) leads nowhere with the person's access; in a task that a
 * comment started only where everybody who sees the answer may look, too.
 */
async function followed(
  forges: Pick<Forges, 'linksIn'>,
  turn: TurnContext,
  text: string,
): Promise<ForgeLink[]> {
  const own = await forges.linksIn(ownWords(text));
  if (!turn.task.trigger) return own;
  return [...own, ...(await forges.linksIn(text)).filter((link) => !isForeign(turn, link))];
}

function keyOf({ kind, repo, number }: ForgeLink): string {
  return [kind, repo.forge.host, repo.name.toLowerCase(), number].join(' ');
}

async function readOne(of: Reading, link: ForgeLink, maxBytes: number): Promise<Found> {
  const { turn } = of;
  if (isForeign(turn, link)) return { kind: 'unread', link, why: 'foreign' };
  try {
    return await soon(of, () => ask(of, link, maxBytes));
  } catch (error) {
    if (turn.signal.aborted) throw error;
    return { kind: 'unread', link, why: whyOf(error) };
  }
}

function isForeign({ task: { trigger } }: TurnContext, { repo }: ForgeLink): boolean {
  if (!trigger) return false;
  const isSame = repo.forge.host === trigger.host && repo.name.toLowerCase() === trigger.repo.toLowerCase();
  return !isSame;
}

async function ask({ turn, redactor }: Reading, link: ForgeLink, maxBytes: number): Promise<Found> {
  const { repo, number, kind } = link;
  const where = `${repo.name}#${number} at ${repo.forge.host}`;
  switch (kind) {
    case 'issue': {
      const issue = await repo.issue(number, READ_BYTES);
      const what = `${issue.isPullRequest ? 'pull request' : 'issue'} ${where}`;
      return { kind: 'text', link, what, ...issueText(redactor.json(issue), maxBytes) };
    }
    case 'pull': {
      const [pull, comments] = await Promise.all([repo.pull(number), repo.comments(number)]);
      const what = `pull request ${where}`;
      return {
        kind: 'text',
        link,
        what,
        ...pullText(redactor.json(pull), redactor.json(comments), maxBytes),
      };
    }
    case 'diff': {
      const bytes = redactor.bytes(await repo.pullDiff(number, turn.limits.forgeDiffBytes));
      const sha256 = await turn.files.keep(bytes);
      const name = `${repo.name}-${number}-${sha256.slice(0, 8)}.diff`.replaceAll(/[^A-Za-z0-9._-]/g, '-');
      return { kind: 'file', link, file: { name, sha256 }, bytes: bytes.length };
    }
  }
}

const WHY: Partial<Record<ErrorCode, Unread>> = {
  forgeLinkTooLarge: 'tooLarge',
  forgeRepoUnknown: 'gone',
  notFound: 'gone',
  forgeUnauthorized: 'noAccess',
  forgeForbidden: 'noAccess',
  forgeUnknown: 'noAccess',
  forgeRateLimited: 'rateLimited',
};

function whyOf(error: unknown): Unread {
  return (error instanceof CodexError ? WHY[error.code] : undefined) ?? 'failed';
}

/** Up to its number: what follows leads to the same, and could be anybody's words outside of the marks. */
const TARGET = /^[^?#]*?\/(?:issues|pull|work_items|merge_requests)\/\d+(?:\.diff|\.patch)?/;

function asLinked(found: Found, pathOf: (file: LinkedFile) => string): Linked {
  const url = TARGET.exec(found.link.url)?.[0] ?? found.link.url;
  switch (found.kind) {
    case 'text':
      return { kind: 'text', url, what: found.what, text: found.text };
    case 'file':
      return { kind: 'file', url, file: found.file, path: pathOf(found.file), bytes: found.bytes };
    case 'unread':
      return { kind: 'unread', url, why: found.why };
  }
}

const UNREAD_WARNINGS: Record<Unread, string> = {
  tooLarge: 'linkTooLarge',
  gone: 'linkGone',
  noAccess: 'linkNoAccess',
  rateLimited: 'linkRateLimited',
  foreign: 'linkForeign',
  failed: 'linkUnread',
};

function told(found: Found, { limits }: TurnContext, pathOf: (file: LinkedFile) => string): NewEvent[] {
  const { url } = found.link;
  switch (found.kind) {
    case 'text': {
      const read = warning('linkRead', { url, title: found.title });
      const value = limits.forgeTextBytes;
      const limit: NewEvent = { code: 'limit.reached', params: { limit: 'forgeTextBytes', value } };
      return found.isCut ? [read, limit] : [read];
    }
    case 'file':
      return [warning('linkLaid', { url, path: pathOf(found.file), bytes: found.bytes })];
    case 'unread': {
      const { host } = found.link.repo.forge;
      const isDiff = found.link.kind === 'diff';
      const maxBytes = isDiff ? limits.forgeDiffBytes : limits.forgeTextBytes;
      return [
        warning(UNREAD_WARNINGS[found.why], {
          url,
          host,
          ...(found.why === 'tooLarge' ? { maxBytes } : {}),
        }),
      ];
    }
  }
}

function toldLeft({ length: read }: Found[], count: number): NewEvent[] {
  return count > 0 ? [warning('linksLeftOut', { read, count })] : [];
}

function warning(code: string, params: Record<string, string | number>): NewEvent {
  return { code: 'warning', params: { code, params } };
}

/** Its answer, unless it takes too long or the turn ends. */
async function soon<T>({ turn: { signal }, deadline }: Reading, work: () => Promise<T>): Promise<T> {
  const ended = AbortSignal.any([signal, deadline()]);
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(new CodexError(signal.aborted ? 'cancelled' : 'forgeUnavailable'));
  ended.addEventListener('abort', stop, { once: true });
  if (ended.aborted) stop();
  try {
    return await Promise.race([work(), stopped.promise]);
  } finally {
    ended.removeEventListener('abort', stop);
  }
}
