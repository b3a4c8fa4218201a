/**
 * What holds in this backend: `DATA/config.yaml`, overridden by `CODEX_*`. The command line's own
 * options are the command line's affair.
 *
 * A key or value that is wrong is an error with its place, never ignored. Secrets don't belong in here.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { CodexError } from '../protocol/errors.ts';
import { LIMIT_NAMES, type LimitName, type LimitValues, resolveLimits } from '../protocol/limits.ts';
import { EgressConfig, ownerRulesOf } from './egress-config.ts';
import type { OwnerRules } from './egress/policy/index.ts';
import { ForgesConfig, PublicUrl } from './forge-config.ts';
import type { LogLevel } from './log.ts';
import { ModelsConfig } from './models-config.ts';
import { KEYS_VARIABLE, KEY_FILE_VARIABLE, type KeySettings } from './secrets/keys/index.ts';

export const CONFIG_FILE = 'config.yaml';

export interface Settings {
  limits: LimitValues;
  /** A PostgreSQL server instead of the embedded database. */
  databaseUrl?: string;
  logLevel: LogLevel;
  /** The container runtime of Docker sandboxes; absent: the engine's default. */
  sandboxRuntime?: string;
  /** How many Docker sandboxes are kept started for whoever comes next; each takes about 30 MB. */
  sandboxPool: number;
  /** Names under which clients reach it, beside loopback. */
  allowedHosts: string[];
  /** What the owner adds to every environment's internet access. */
  egress: OwnerRules;
  /** The owner's model connections, their keys not yet read. */
  models: ModelsConfig;
  /** The owner's forges, their tokens not yet read. */
  forges: ForgesConfig;
  /** Where browsers and forges reach it; absent: only this machine does. */
  publicUrl?: string;
  secretKeys: KeySettings;
  /** Names of files that instruct agents where a folder has no `AGENTS.md`. */
  agentsFileFallbacks: string[];
}

const Positive = z.number().positive();

/** As an engine names one: `runc`, `runsc`, `io.containerd.kata.v2`. */
const RuntimeName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'is a name such as runc or runsc');

/** More would take memory from the tasks that they are for. */
const POOL_MOST = 16;
const PoolSize = z.number().int().min(0).max(POOL_MOST);

const ConfigFile = z.strictObject({
  limits: z
    .strictObject(
      Object.fromEntries(LIMIT_NAMES.map((name) => [name, Positive.optional()])) as Record<
        LimitName,
        z.ZodOptional<typeof Positive>
      >,
    )
    .optional(),
  log: z.enum(['debug', 'info', 'warn', 'error']).optional(),
  allowedHosts: z.array(z.string()).optional(),
  sandboxRuntime: RuntimeName.optional(),
  sandboxPool: PoolSize.optional(),
  egress: EgressConfig.prefault({}),
  agentsFileFallbacks: z
    .array(z.string().regex(/^[^/\0]{1,100}$/, 'is a file name such as CLAUDE.md'))
    .max(10)
    .optional(),
  models: ModelsConfig.prefault({}),
  forges: ForgesConfig.default({}),
  publicUrl: PublicUrl.optional(),
  /** Relative to the data folder. The keys themselves don't belong in this file. */
  secretsKeyFile: z.string().min(1).optional(),
});
type ConfigFile = z.infer<typeof ConfigFile>;

/** `patchBytes` → `CODEX_PATCH_BYTES` */
export function limitVariable(name: LimitName): string {
  return `CODEX_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Throws `CodexError` badRequest with the file or variable, and what is wrong there. */
export async function readSettings(dataDir: string, env: NodeJS.ProcessEnv = process.env): Promise<Settings> {
  const path = join(dataDir, CONFIG_FILE);
  const file = parseConfig(await readIfThere(path), path);
  const overrides: Partial<Record<LimitName, number>> = {};
  for (const name of LIMIT_NAMES) {
    const variable = limitVariable(name);
    const value = env[variable] === undefined ? file.limits?.[name] : positive(env[variable], variable);
    if (value !== undefined) overrides[name] = value;
  }
  const runtime = runtimeOf(env.CODEX_SANDBOX_RUNTIME) ?? file.sandboxRuntime;
  return {
    limits: resolveLimits(overrides),
    logLevel: levelOf(env.CODEX_LOG) ?? file.log ?? 'info',
    allowedHosts: file.allowedHosts ?? [],
    egress: await ownerRulesOf(file.egress, dataDir, (place, reason) => wrong(path, `${place}: ${reason}`)),
    models: withModel(file.models, env.CODEX_MODEL),
    forges: file.forges,
    ...(file.publicUrl === undefined ? {} : { publicUrl: file.publicUrl }),
    ...(runtime === undefined ? {} : { sandboxRuntime: runtime }),
    sandboxPool: poolSize(env.CODEX_SANDBOX_POOL) ?? file.sandboxPool ?? 0,
    agentsFileFallbacks: file.agentsFileFallbacks ?? [],
    secretKeys: secretKeysOf(env, file.secretsKeyFile, dataDir),
    ...(env.DATABASE_URL ? { databaseUrl: env.DATABASE_URL } : {}),
  };
}

function withModel(models: ModelsConfig, name: string | undefined): ModelsConfig {
  return name ? { ...models, default: name } : models;
}

function poolSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = PoolSize.safeParse(text.trim() === '' ? NaN : Number(text));
  if (parsed.success) return parsed.data;
  throw wrong('CODEX_SANDBOX_POOL', `must be a whole number from 0 to ${POOL_MOST}, not “${text}”`);
}

function secretKeysOf(env: NodeJS.ProcessEnv, configured: string | undefined, dataDir: string): KeySettings {
  const keys = env[KEYS_VARIABLE];
  const named = env[KEY_FILE_VARIABLE];
  const file = named ?? configured;
  return {
    ...(keys === undefined ? {} : { keys }),
    ...(file === undefined ? {} : { keyFile: named ? resolve(named) : resolve(dataDir, file) }),
  };
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function parseConfig(text: string, path: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken)
    throw wrong(`${path}:${lines.linePos(broken.pos[0]).line}`, broken.message.split('\n')[0] ?? '');
  const parsed = ConfigFile.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw wrong(path, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function positive(text: string | undefined, variable: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw wrong(variable, `must be a positive number, not “${text}”`);
  return value;
}

function runtimeOf(text: string | undefined): string | undefined {
  if (text === undefined || RuntimeName.safeParse(text).success) return text;
  throw wrong('CODEX_SANDBOX_RUNTIME', 'is a name such as runc or runsc');
}

function levelOf(text: string | undefined): LogLevel | undefined {
  if (text === undefined) return undefined;
  if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text;
  throw wrong('CODEX_LOG', 'is one of debug, info, warn, error');
}

/** For what is found wrong in the file later, when the parts are put together. */
export function wrongInConfig(dataDir: string, place: string, reason: string): CodexError {
  return wrong(join(dataDir, CONFIG_FILE), `${place}: ${reason}`);
}

function wrong(where: string, reason: string): CodexError {
  return new CodexError('badRequest', { where, reason }, { detail: `${where}: ${reason}` });
}
