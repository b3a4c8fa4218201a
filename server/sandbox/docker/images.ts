/**
 * Images: our own, built on first use and named after the hash of what they are built from, and others,
 * pulled when they are not there. One build or pull of the same name at a time.
 */
import { trustedAuthorities } from '../../trust.ts';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { CodexError, errorText } from '../../../protocol/errors.ts';
import { ownImage, readContext } from './contexts.ts';
import type { BuildContext, DebianSuite } from './contexts.ts';
import { importDebian } from './debian.ts';
import { LABEL } from './spec.ts';

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
    const own = ownImage(image);
    const context = own === null ? null : await readContext(own);
    const name = context?.image ?? image ?? '';
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
      await this.#follow(await this.#docker.pull(name, {}), () => {}, countingLayers(name, tell));
    } catch (error) {
      const reason = errorText(error);
      throw new CodexError(
        'imageMissing',
        { image: name, reason },
        { detail: `The image ${name} can't be pulled: ${reason}`, cause: error },
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
      const base = await this.#debian(context.suite, hear);
      hear(`Building the sandbox image ${name} (first use only)`);
      const tar = pack();
      for (const { path, mode, content } of context.files) tar.entry({ name: path, mode }, content);
      tar.entry({ name: 'ca.pem' }, `${trustedAuthorities().join('\n')}\n`);
      tar.finalize();
      const stream = await this.#docker.buildImage(Readable.from(tar), {
        t: name,
        buildargs: { BASE: base },
        labels: { [`${LABEL}.image`]: name },
        rm: true,
        forcerm: true,
      });
      await this.#follow(stream, hear);
    } catch (error) {
      const detail = `The sandbox image ${name} can't be built: ${errorText(error)}\n${lines.join('\n')}`;
      throw new CodexError('imageBuildFailed', { image: name }, { detail, cause: error });
    }
  }

  async #debian(suite: DebianSuite, tell: Progress): Promise<string> {
    const official = `debian:${suite}-slim`;
    if ((await this.#id(official)) !== null) return official;
    try {
      tell(`Pulling ${official}`);
      await this.#follow(await this.#docker.pull(official, {}), () => {});
      return official;
    } catch (error) {
      tell(`No image registry answers (${errorText(error)}); making the base from a Debian mirror`);
      return importDebian(this.#docker, this.#scratchDir, suite, tell);
    }
  }

  #follow(
    stream: NodeJS.ReadableStream,
    tell: Progress,
    onLayer: (id: string, status: string) => void = () => {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let failure: string | undefined;
      this.#docker.modem.followProgress(
        stream,
        (error: Error | null) => {
          if (error) reject(error);
          else if (failure !== undefined) reject(new Error(failure));
          else resolve();
        },
        (event: EngineProgress) => {
          failure ??= event.error;
          if (event.id !== undefined) return onLayer(event.id, event.status ?? '');
          const text = (event.stream ?? event.status ?? '').trimEnd();
          for (const line of text.split('\n')) if (line !== '') tell(line);
        },
      );
    });
  }
}

interface EngineProgress {
  stream?: string;
  status?: string;
  error?: string;
  /** Of a layer. */
  id?: string;
}

/** A large image takes minutes: one line for each layer that is done, and not one for each of its steps. */
function countingLayers(name: string, tell: Progress): (id: string, status: string) => void {
  const layers = new Set<string>();
  const done = new Set<string>();
  return (layer, status) => {
    // The first event carries the tag as its id.
    if (!/^[0-9a-f]{12}$/.test(layer)) return;
    layers.add(layer);
    if (status !== 'Pull complete' && status !== 'Already exists') return;
    done.add(layer);
    tell(`Pulling ${name}: ${done.size} of ${layers.size} layers`);
  };
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
