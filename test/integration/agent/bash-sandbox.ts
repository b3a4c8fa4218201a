/**
 * A sandbox for tests of the loop alone: real bash in a temporary folder, no confinement. It keeps to
 * the contract that matters to the loop: one callId runs once, whoever asks, and can be joined.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { CodexError } from '../../../protocol/errors.ts';
import type { AgentSandbox } from '../../../server/agent/agent.ts';
import type { CommandResult, CommandSpec } from '../../../server/sandbox/sandbox.ts';

interface Job {
  output: Buffer[];
  outputBytes: number;
  droppedBytes: number;
  followers: Set<(bytes: Buffer, offset: number) => void>;
  result: CommandResult | null;
  done: Promise<CommandResult>;
  kill(): void;
  /** What was typed, by the id that it was sent under. */
  typed: Map<string, string>;
  stdin: Writable | null;
  pid: number | undefined;
}

export class BashSandbox implements AgentSandbox {
  readonly workdir: string;
  /** Every command that was really started, in order. */
  readonly started: CommandSpec[] = [];
  how: 'new' | 'parked' | 'restarted' = 'restarted';
  readonly #jobs = new Map<string, Job>();

  /** Empty, and no part of the repository. */
  readonly #home: string;

  private constructor(workdir: string, home: string) {
    this.workdir = workdir;
    this.#home = home;
  }

  static async make(files: Readonly<Record<string, string>> = {}): Promise<BashSandbox> {
    const sandbox = new BashSandbox(
      await mkdtemp(join(tmpdir(), 'codex-agent-')),
      await mkdtemp(join(tmpdir(), 'codex-agent-home-')),
    );
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(sandbox.workdir, path)), { recursive: true });
      await writeFile(join(sandbox.workdir, path), content);
    }
    return sandbox;
  }

  async run(
    spec: CommandSpec,
    options: {
      after?: number;
      onOutput?: (bytes: Buffer, offset: number) => void;
      signal?: AbortSignal;
    } = {},
  ): Promise<CommandResult> {
    const job = this.#jobs.get(spec.callId) ?? this.#start(spec);
    const { after = 0, onOutput, signal } = options;
    const kept = Buffer.concat(job.output).subarray(after);
    if (onOutput && kept.length > 0) onOutput(kept, after);
    if (onOutput && job.result === null) job.followers.add(onOutput);
    const onAbort = () => job.kill();
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    try {
      return await job.done;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (onOutput) job.followers.delete(onOutput);
    }
  }

  async input(callId: string, inputId: string, bytes: Uint8Array): Promise<boolean> {
    const job = this.#jobs.get(callId);
    if (!job?.stdin) throw new CodexError('notFound');
    if (job.result !== null) return false;
    if (job.typed.has(inputId)) return true;
    job.typed.set(inputId, Buffer.from(bytes).toString());
    const text = Buffer.from(bytes).toString();
    job.stdin.write(text.replaceAll(/[\u0003\u0004]/g, ''));
    if (text.includes('\u0003') && job.pid !== undefined) process.kill(-job.pid, 'SIGINT');
    if (text.includes('\u0004')) job.stdin.end();
    return true;
  }

  /** Everything that was typed into any command, in order. */
  get typed(): string[] {
    return [...this.#jobs.values()].flatMap((job) => [...job.typed.values()]);
  }

  async find(callId: string): Promise<'unknown' | 'running' | CommandResult> {
    const job = this.#jobs.get(callId);
    if (!job) return 'unknown';
    return job.result ?? 'running';
  }

  async put(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
    await writeFile(path, bytes, { mode });
  }

  async get(path: string, maxBytes: number): Promise<Buffer | null> {
    try {
      return (await readFile(path)).subarray(0, maxBytes);
    } catch {
      return null;
    }
  }

  async remove(): Promise<void> {
    for (const job of this.#jobs.values()) {
      job.kill();
      await job.done;
    }
    for (const folder of [this.workdir, this.#home]) await rm(folder, { recursive: true, force: true });
  }

  #start(spec: CommandSpec): Job {
    this.started.push(spec);
    const [program = '', ...args] = spec.argv;
    const begun = Date.now();
    const child = spawn(program, args, {
      cwd: spec.cwd,
      // Bash takes a socket as its input for a remote shell's, and reads ~/.bashrc.
      env: { PATH: process.env['PATH'] ?? '', HOME: this.#home, ...spec.env },
      stdio: [spec.stdin === 'open' ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let end: CommandResult['end'] = 'exited';
    const stop = (why: CommandResult['end']) => {
      if (job.result !== null || child.pid === undefined) return;
      end = why;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    };
    const timer = setTimeout(() => stop('timedOut'), spec.timeoutMs);
    const onData = (bytes: Buffer) => {
      const kept = bytes.subarray(0, Math.max(0, spec.maxOutputBytes - (job.outputBytes - job.droppedBytes)));
      job.outputBytes += bytes.length;
      job.droppedBytes += bytes.length - kept.length;
      if (kept.length === 0) return;
      const offset = job.output.reduce((sum, one) => sum + one.length, 0);
      job.output.push(kept);
      for (const follow of job.followers) follow(kept, offset);
    };
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    child.stdin?.on('error', () => {});
    const job: Job = {
      output: [],
      outputBytes: 0,
      droppedBytes: 0,
      followers: new Set(),
      result: null,
      kill: () => stop('cancelled'),
      typed: new Map(),
      stdin: child.stdin,
      pid: child.pid,
      done: new Promise((resolve) => {
        const finish = (exitCode: number, how: CommandResult['end'], reason?: string) => {
          clearTimeout(timer);
          job.result = {
            end: how,
            exitCode,
            durationMs: Date.now() - begun,
            outputBytes: job.outputBytes,
            droppedBytes: job.droppedBytes,
            ...(reason === undefined ? {} : { reason }),
          };
          resolve(job.result);
        };
        child.once('error', (error) => finish(127, 'notStarted', error.message));
        child.once('close', (code) => finish(code ?? (end === 'timedOut' ? 124 : 137), end));
      }),
    };
    this.#jobs.set(spec.callId, job);
    return job;
  }
}
