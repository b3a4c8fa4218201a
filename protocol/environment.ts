/**
 * An environment: how a repository is run. It is stored in the backend under a name, and part of it can
 * stand in the repository itself (`.codex/environment.yaml`). What is absent here was not set: then the
 * file decides, and after it the default. What is stored always wins.
 */
import { z } from 'zod';
import { AccessPolicy, DEFAULT_AGENT_ACCESS, DEFAULT_SETUP_ACCESS } from './egress.ts';
import { CodexError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { firstProblem } from './problems.ts';
import { Effort, ModelName, Phase } from './states.ts';
import { variableProblem } from './variables.ts';

export const EnvironmentName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    'is no name: letters, digits, dots, dashes and underlines, at most 63, a letter or digit first',
  );

/** A task that names none runs in this one; it exists even when nobody has stored it. */
export const DEFAULT_ENVIRONMENT_NAME = 'default';

export const Internet = z.object({ agent: AccessPolicy, setup: AccessPolicy });
export type Internet = z.infer<typeof Internet>;

/** What `CODEX_ENV_<NAME>_VERSION` can choose in an image that follows that contract. */
export const LANGUAGES = ['python', 'node', 'rust', 'go', 'swift', 'ruby', 'php', 'java'] as const;
export type Language = (typeof LANGUAGES)[number];

const hasControl = (text: string) => /[\x00-\x1f\x7f]/.test(text);

const Version = z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+_-]{0,31}$/, 'is no version, such as 3.12 or 22');
export const Versions = z.partialRecord(z.enum(LANGUAGES), Version);
export type Versions = z.infer<typeof Versions>;

/** Our own images by name; anything else is an image's reference. Absent: `base`, the small default. */
export const OWN_IMAGES = ['base', 'universal'] as const;
export type OwnImage = (typeof OWN_IMAGES)[number];
const IMAGE_CHARS = 255;
/** `[host[:port]/]path[:tag][@digest]`, as container engines read it. */
const IMAGE =
  /^(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]{1,5})?\/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,128})?$/;
export const ImageName = z
  .string()
  .trim()
  .max(IMAGE_CHARS)
  .refine(
    (name) => IMAGE.test(name),
    'is no image: base, universal, or a name in small letters such as docker.io/library/node:22',
  );

const VARIABLES_MOST = 200;
const VARIABLE_VALUE_CHARS = 32 * 1024;
export const Variables = z
  .record(z.string(), z.string().max(VARIABLE_VALUE_CHARS))
  .superRefine((variables, context) => {
    const wrong = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    const entries = Object.entries(variables);
    if (entries.length > VARIABLES_MOST) wrong([], `has more than ${VARIABLES_MOST} names`);
    for (const [name, value] of entries) {
      const problem = variableProblem(name);
      if (problem !== null) wrong([name], problem);
      else if (value.includes('\0')) wrong([name], 'has a NUL character in its value');
    }
  });

/** Below the repository's root; the root itself is empty. */
export const WorkFolder = z
  .string()
  .max(1000)
  .refine((path) => !path.startsWith('/'), 'must be a path inside the repository, without / at its beginning')
  .refine((path) => !path.split('/').includes('..'), 'must not leave the repository')
  .refine((path) => !hasControl(path), 'has a control character');

const SCRIPT_CHARS = 128 * 1024;
export const Script = z
  .string()
  .max(SCRIPT_CHARS)
  .refine((text) => !text.includes('\0'), 'has a NUL character');

/** What the file in the repository may say too. */
export const RepositorySettings = z.object({
  image: ImageName.optional(),
  versions: Versions.optional(),
  /** Set for the whole task. */
  variables: Variables.optional(),
  workdir: WorkFolder.optional(),
  /** Bash. Absent: automatic, by the lock files that are there. Empty: nothing is set up. */
  setup: Script.optional(),
  /** Bash, after the checkout on an environment that was prepared before. Absent: automatic. */
  maintenance: Script.optional(),
  commandTimeoutMs: z.number().int().min(1_000).max(LIMITS.commandTimeoutMs.cap).optional(),
});
export type RepositorySettings = z.infer<typeof RepositorySettings>;

const upTo = (limit: { cap: number }, least: number) => z.number().int().min(least).max(limit.cap).optional();
const MIB = 1024 * 1024;

export const Resources = z.object({
  memoryBytes: upTo(LIMITS.sandboxMemoryBytes, 64 * MIB),
  cpus: z.number().min(0.1).max(LIMITS.sandboxCpus.cap).optional(),
  pids: upTo(LIMITS.sandboxPids, 32),
  diskBytes: upTo(LIMITS.sandboxDiskBytes, 64 * MIB),
});
export type Resources = z.infer<typeof Resources>;

const Patterns = z
  .array(
    z
      .string()
      .trim()
      .max(500)
      .refine((pattern) => pattern !== '', 'is empty')
      .refine((pattern) => !hasControl(pattern), 'has a control character'),
  )
  .max(200);

/** When a person is asked before a command runs. A denied one is refused without asking. */
export const Approval = z.object({
  policy: z.enum(['never', 'onRisk', 'always']),
  /** A command's first words (`npm test`), or a pattern with `*`. */
  allow: Patterns,
  deny: Patterns,
});
export type Approval = z.infer<typeof Approval>;
export const NO_APPROVAL: Approval = { policy: 'never', allow: [], deny: [] };

const SecretFile = z
  .string()
  .max(1000)
  .refine((path) => /^(\/|~\/)./.test(path), 'must begin with / or ~/')
  .refine((path) => !path.split('/').includes('..') && !hasControl(path), 'is no path');

export const Environment = RepositorySettings.extend({
  name: EnvironmentName,
  internet: Internet,
  setupTimeoutMs: upTo(LIMITS.setupTimeoutMs, 1_000),
  /** Whether a question waits for the setup too. */
  setupForAsk: z.boolean().optional(),
  resources: Resources.optional(),
  /** How long a prepared environment is used again; 0: never. */
  cacheMs: z.number().int().min(0).max(LIMITS.cacheMs.cap).optional(),
  /** How long a sandbox is kept for follow-ups. */
  parkedMs: upTo(LIMITS.parkedMs, 0),
  /** Files that may hold a secret after the setup: absolute, or below the home folder (`~/.npmrc`). */
  allowSecretsIn: z.array(SecretFile).max(100).optional(),
  approval: Approval.optional(),
  /** Of the backend's list; where its requests go is the owner's. Absent: the backend's own choice. */
  model: ModelName.optional(),
  effort: Effort.optional(),
});
export type Environment = z.infer<typeof Environment>;

/** As it may be stored. Throws `CodexError` badEnvironment with the first thing that is wrong. */
export function checkEnvironment(value: unknown): Environment {
  const parsed = Environment.safeParse(value);
  if (parsed.success) return parsed.data;
  const { where, problem } = firstProblem(parsed.error);
  const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : '';
  throw new CodexError(
    'badEnvironment',
    { name: typeof name === 'string' ? name.slice(0, 63) : '', where: where.slice(0, 200), problem },
    { detail: `${where} ${problem}` },
  );
}

export const StoredEnvironment = Environment.extend({
  updatedAt: z.number(),
  updatedBy: z.string(),
});
export type StoredEnvironment = z.infer<typeof StoredEnvironment>;

export function defaultEnvironment(name = DEFAULT_ENVIRONMENT_NAME): Environment {
  return { name, internet: { agent: DEFAULT_AGENT_ACCESS, setup: DEFAULT_SETUP_ACCESS } };
}

/** One request or tunnel that a sandbox asked for. No path, no query string: they may hold secrets. */
export const EgressEntry = z.object({
  /** Counts per backend: the cursor of the next page. */
  id: z.number().int(),
  taskId: z.string(),
  turn: z.number().int(),
  attempt: z.number().int(),
  at: z.number(),
  phase: Phase,
  /** As it was asked for; empty when that could not be read. */
  host: z.string(),
  port: z.number().int().nullable(),
  /** `CONNECT` for a tunnel that was not looked into. */
  method: z.string(),
  /** `failed`: it was allowed, and then something broke. */
  verdict: z.enum(['allowed', 'denied', 'failed']),
  /** A `DenyReason`, or why an allowed one failed. */
  reason: z.string().nullable(),
  /** The address that was dialled. */
  address: z.string().nullable(),
  bytesIn: z.number(),
  bytesOut: z.number(),
  durationMs: z.number(),
});
export type EgressEntry = z.infer<typeof EgressEntry>;
