/**
 * Images: the default one, built on first use and named after the hash of what it is built from, and
 * others, pulled when they are not there. One build or pull of the same name at a time.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { trustedAuthorities } from '../../trust.ts';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { CodexError, errorText } from '../../../protocol/errors.ts';
import { assetPath } from '../../assets.ts';
import { importDebian } from './debian.ts';
import { LABEL } from './spec.ts';

export const DEBIAN = 'debian:bookworm-slim';
const DETAIL_LINES = 12;

type Progress = (line: string) => void;

export class Images {
  readonly #docker: Docker;
  readonly #scratchDir: string;
  readonly #underWay = new Map<string, { done: Promise<void>; listeners: Set<Progress> }>();

  /** `scratchDir` takes a root file system of some hundred megabytes for a while. */
  constructor(docker: Docker, scratchDir: string) {
    this.#docker = docker;
    this.#scratchDir = scratchDir;
  }

  /** The id of the image, which is there then. */
  async ensure(
    image: string | undefined,
    progress: Progress,
    signal?: AbortSignal,
  ): Promise<{ name: string; id: string }> {
    const context = image === undefined ? await readContext() : null;
    const name = image ?? `codex-tasks/base:${context?.hash ?? ''}`;
    const id = await this.#id(name);
    if (id !== null) return { name, id };
    await waitUnlessAborted(
      this.#once(name, progress, (tell) =>
        context ? this.#build(name, context, tell) : this.#pull(name, tell),
      ),
      signal,
    );
    const made = await this.#id(name);
    if (made === null)
      throw new CodexError('imageBuildFailed', { image: name }, { detail: `${name} is not there` });
    return { name, id: made };
  }

  async #id(name: string): Promise<string | null> {
    try {
      return (await this.#docker.getImage(name).inspect()).Id;
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return null;
      throw error;
    }
  }

  /** Whoever comes while it is under way waits for the same and hears the rest. */
  async #once(name: string, progress: Progress, work: (tell: Progress) => Promise<void>): Promise<void> {
    let running = this.#underWay.get(name);
    if (!running) {
      const listeners = new Set<Progress>();
      const tell: Progress = (line) => listeners.forEach((listener) => listener(line));
      running = { listeners, done: work(tell).finally(() => this.#underWay.delete(name)) };
      this.#underWay.set(name, running);
    }
    running.listeners.add(progress);
    try {
      await running.done;
    } finally {
      running.listeners.delete(progress);
    }
  }

  async #pull(name: string, tell: Progress): Promise<void> {
    tell(`Pulling ${name}`);
    try {
      await this.#follow(await this.#docker.pull(name, {}), () => {});
    } catch (error) {
      throw new CodexError(
        'imageBuildFailed',
        { image: name },
        { detail: `The image ${name} can't be pulled: ${errorText(error)}`, cause: error },
      );
    }
  }

  async #build(name: string, context: BuildContext, tell: Progress): Promise<void> {
    const lines: string[] = [];
    const hear: Progress = (line) => {
      lines.push(line);
      if (lines.length > DETAIL_LINES) lines.shift();
      tell(line);
    };
    try {
      const base = await this.#debian(hear);
      hear(`Building the default sandbox image ${name} (first use only)`);
      const tar = pack();
      for (const [path, content] of context.files) tar.entry({ name: path }, content);
      tar.entry({ name: 'ca.pem' }, `${trustedAuthorities().join('\n')}\n`);
      tar.finalize();
      const stream = await this.#docker.buildImage(Readable.from(tar), {
        t: name,
        buildargs: { BASE: base },
        labels: { [`${LABEL}.image`]: 'base' },
        rm: true,
        forcerm: true,
      });
      await this.#follow(stream, hear);
    } catch (error) {
      const detail = `The default sandbox image can't be built: ${errorText(error)}\n${lines.join('\n')}`;
      throw new CodexError('imageBuildFailed', { image: name }, { detail, cause: error });
    }
  }

  async #debian(tell: Progress): Promise<string> {
    if ((await this.#id(DEBIAN)) !== null) return DEBIAN;
    try {
      tell(`Pulling ${DEBIAN}`);
      await this.#follow(await this.#docker.pull(DEBIAN, {}), () => {});
      return DEBIAN;
    } catch (error) {
      tell(`No image registry answers (${errorText(error)}); making the base from a Debian mirror`);
      return importDebian(this.#docker, this.#scratchDir, tell);
    }
  }

  #follow(stream: NodeJS.ReadableStream, tell: Progress): Promise<void> {
    return new Promise((resolve, reject) => {
      let failure: string | undefined;
      this.#docker.modem.followProgress(
        stream,
        (error: Error | null) => {
          if (error) reject(error);
          else if (failure !== undefined) reject(new Error(failure));
          else resolve();
        },
        (event: { stream?: string; status?: string; error?: string }) => {
          failure ??= event.error;
          const text = (event.stream ?? event.status ?? '').trimEnd();
          for (const line of text.split('\n')) if (line !== '') tell(line);
        },
      );
    });
  }
}

interface BuildContext {
  files: [string, Buffer][];
  hash: string;
}

async function readContext(): Promise<BuildContext> {
  const dir = assetPath('images', 'base');
  try {
    const names = (await readdir(dir)).sort();
    const files = await Promise.all(
      names.map(async (name): Promise<[string, Buffer]> => [name, await readFile(`${dir}/${name}`)]),
    );
    const hash = createHash('sha256');
    for (const [name, content] of files) hash.update(`${name}\0${content.length}\0`).update(content);
    return { files, hash: hash.digest('hex').slice(0, 12) };
  } catch (error) {
    throw new CodexError(
      'imageBuildFailed',
      {},
      { detail: 'images/base is missing: npm run build', cause: error },
    );
  }
}

function waitUnlessAborted(work: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new CodexError('cancelled'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
