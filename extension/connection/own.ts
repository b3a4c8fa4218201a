/**
 * The backend that this extension starts: one per user and data folder, shared with the command
 * line. Found when it runs, started when it does not and the person agreed. Never: a start without
 * that consent, a key anywhere but on the child's standard input.
 */
import { join } from 'node:path';
import {
  defaultDataDir,
  findBackend,
  startBackendProcess,
  stopBackend,
} from '../../client/backend-process/index.ts';
import type { RunningBackend } from '../../client/backend-process/index.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { Log } from '../platform/log.ts';
import type { Secrets } from '../platform/secrets.ts';
import { networkSettings, setting } from '../platform/settings.ts';
import { installBackend } from './bundle.ts';
import { backendEnvironment } from './environment.ts';

/** It lives while a task runs and this long after the last client. */
const IDLE_EXIT_MINUTES = 10;
/** A backend that dies again and again is not started for ever. */
const STARTS_ALLOWED = 3;
const STARTS_WITHIN_MS = 5 * 60_000;

export interface OwnBackendOptions {
  distDir: string;
  storageDir: string;
  version: string;
  secrets: Secrets;
  log: Log;
  /** The person said yes to the confined local sandbox where there is no Docker. */
  localSandboxAllowed: () => boolean;
}

export class OwnBackend {
  readonly #options: OwnBackendOptions;
  #running: RunningBackend | null = null;
  #starts: number[] = [];
  #starting: Promise<RunningBackend> | null = null;

  constructor(options: OwnBackendOptions) {
    this.#options = options;
  }

  get dataDir(): string {
    return setting('dataFolder') || defaultDataDir();
  }

  get logFile(): string {
    return join(this.dataDir, 'logs', 'backend.log');
  }

  /** The token of the backend that was found or started last. */
  get token(): string {
    return this.#running?.token ?? '';
  }

  async find(): Promise<RunningBackend | null> {
    this.#running = await findBackend(this.dataDir);
    return this.#running;
  }

  /** Two calls at once start one. */
  async findOrStart(): Promise<RunningBackend> {
    const running = await this.find();
    if (running) return running;
    this.#starting ??= this.#start().finally(() => (this.#starting = null));
    return this.#starting;
  }

  /** A start that a person asked for counts anew. */
  forgetStarts(): void {
    this.#starts = [];
  }

  /** True when nothing runs any more. */
  async stop(): Promise<boolean> {
    const running = await this.find();
    if (!running) return true;
    this.#options.log.info(`Stopping the backend (process ${running.pid}).`);
    const stopped = await stopBackend(running);
    if (stopped) this.#running = null;
    return stopped;
  }

  async #start(): Promise<RunningBackend> {
    const { distDir, storageDir, version, secrets, log } = this.#options;
    const now = Date.now();
    this.#starts = this.#starts.filter((at) => now - at < STARTS_WITHIN_MS);
    if (this.#starts.length >= STARTS_ALLOWED) {
      throw new CodexError('backendStartFailed', { reason: `it ended ${STARTS_ALLOWED} times in a row` });
    }
    this.#starts.push(now);
    const entry = await installBackend(distDir, storageDir, version);
    const apiKey = await secrets.apiKey();
    log.info(`Starting a backend on ${this.dataDir}.`);
    this.#running = await startBackendProcess({
      dataDir: this.dataDir,
      node: process.execPath,
      entry: [entry],
      args: this.#sandboxArgs(),
      env: backendEnvironment(process.env, {
        model: setting('model'),
        modelBaseUrl: setting('modelBaseUrl'),
        network: networkSettings(),
      }),
      idleExitMinutes: IDLE_EXIT_MINUTES,
      ...(apiKey ? { apiKey } : {}),
    });
    log.info(`The backend runs: process ${this.#running.pid}, version ${this.#running.version}.`);
    return this.#running;
  }

  #sandboxArgs(): string[] {
    const wanted = setting('sandbox');
    if (wanted === 'docker' || wanted === 'local') return ['--sandbox', wanted];
    return this.#options.localSandboxAllowed() ? ['--sandbox', 'local'] : [];
  }
}
