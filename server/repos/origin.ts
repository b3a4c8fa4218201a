/**
 * A task's own repository, which only its sandbox sees, as `origin`.
 *
 * It holds the commit the task starts from and the task's results, copied in; whatever is in it the
 * sandbox may have (git's protocol 2 hands out any object that is there), so nothing else ever gets
 * in. It is read over a byte stream of the sandbox, by an HTTP server that listens nowhere.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { CodexError } from '../../protocol/errors.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import { copyCommits, exists, hasCommit, initBare, setRefs } from './bare.ts';
import { git } from './git.ts';
import { objectFormatOf } from './key.ts';
import { refuse, serveGit } from './smart-http.ts';

/** The branch in the sandbox when the person had none checked out, or one that git would not take. */
export const DEFAULT_BRANCH = 'main';
/** Fetches of one sandbox at the same time: each is a process on our side. */
const MAX_FETCHES_PER_TASK = 8;

/** `/<any one name>/info/refs` and so on: the stream says which task it is, not the name. */
const ORIGIN_PATH = /^(?:\/[^/?]+)?(\/(?:info\/refs|git-upload-pack)(?:\?.*)?)$/;

/** The branch as it is called in the sandbox. */
export async function originBranch(branch: string | undefined): Promise<string> {
  if (branch === undefined || branch.startsWith('-') || branch === 'HEAD') return DEFAULT_BRANCH;
  const { code } = await git(['check-ref-format', `refs/heads/${branch}`], { okCodes: [0, 1] });
  return code === 0 ? branch : DEFAULT_BRANCH;
}

/** Fills `origin` from `repo`; again is no harm. */
export async function fillOrigin(origin: string, repo: string, at: RepoAtCommit): Promise<void> {
  const head = at.headSha ?? at.sha;
  for (const sha of new Set([at.sha, head])) {
    if (!(await hasCommit(repo, sha))) throw new CodexError('commitMissing', { sha });
  }
  await initBare(origin, objectFormatOf(at.sha));
  await copyCommits(repo, origin, [at.sha, head]);
  const branch = `refs/heads/${await originBranch(at.branch)}`;
  await setRefs(origin, [
    { ref: branch, to: head },
    { ref: `refs/codex/base/${at.sha}`, to: at.sha },
  ]);
  await git(['symbolic-ref', 'HEAD', branch], { dir: origin });
}

export async function addToOrigin(origin: string, repo: string, sha: string): Promise<void> {
  if (!(await hasCommit(repo, sha))) throw new CodexError('commitMissing', { sha });
  await initBare(origin, objectFormatOf(sha));
  await copyCommits(repo, origin, [sha]);
  await setRefs(origin, [{ ref: `refs/codex/results/${sha}`, to: sha }]);
}

/** One server for all sandboxes; each connection is bound to the repository it was opened for. */
export class OriginServer {
  readonly #server: Server;
  readonly #dirs = new WeakMap<Duplex, string>();
  readonly #running = new Map<string, number>();

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('clientError', (_error, stream) => stream.destroy());
  }

  serve(dir: string, stream: Duplex): void {
    this.#dirs.set(stream, dir);
    stream.on('error', () => stream.destroy());
    this.#server.emit('connection', stream);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A stream that breaks is the client gone; `serveGit` sees the response close.
    request.on('error', () => {});
    response.on('error', () => {});
    const dir = this.#dirs.get(request.socket);
    const rest = ORIGIN_PATH.exec(request.url ?? '')?.[1];
    if (dir === undefined || rest === undefined || !(await exists(dir))) {
      refuse(new CodexError('repoUnknown'), request, response);
      return;
    }
    const running = this.#running.get(dir) ?? 0;
    if (running >= MAX_FETCHES_PER_TASK) {
      refuse(
        new CodexError('limitReached', { limit: 'fetches', value: MAX_FETCHES_PER_TASK }),
        request,
        response,
      );
      return;
    }
    this.#running.set(dir, running + 1);
    try {
      await serveGit(
        {
          dir,
          services: ['upload-pack'],
          maxPushBytes: 0,
          config: ['uploadpack.allowAnySHA1InWant=true', 'uploadpack.allowFilter=true'],
        },
        rest,
        request,
        response,
      );
    } finally {
      const left = (this.#running.get(dir) ?? 1) - 1;
      if (left === 0) this.#running.delete(dir);
      else this.#running.set(dir, left);
    }
  }
}
