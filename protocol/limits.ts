/**
 * Every limit of the product: a default, a hard cap, its unit in the name, and the reason.
 *
 * A limit can be configured (`DATA/config.yaml`, `CODEX_*`) up to its cap. Reaching one is a
 * `limit.reached` event that the user sees, never a silent cut.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const MINUTE_MS = 60_000;

export interface Limit {
  readonly default: number;
  readonly cap: number;
}

export const LIMITS = {
  /** A result larger than this is refused: the reviewer could not look at it anyway. */
  patchBytes: { default: 64 * MIB, cap: GIB },
  /** One RPC message. Bytes travel over HTTP, so a frame is text for people and stays small. */
  rpcFrameBytes: { default: MIB, cap: MIB },
  /** One stored event; what is larger is split (output) or cut with a mark (text). */
  eventBytes: { default: 64 * KIB, cap: 64 * KIB },
  /** One push from a client: a working tree with its history. */
  pushBytes: { default: 2 * GIB, cap: 16 * GIB },
  /** Output of one command that is kept; a command that prints more goes on, the rest is dropped. */
  commandOutputBytes: { default: 16 * MIB, cap: 256 * MIB },
  /** Output of one command as the model gets it, head and tail, in tokens of about four bytes. */
  modelOutputTokens: { default: 10_000, cap: 50_000 },
  /** One command of the agent. The model may ask for less, never for more. */
  commandTimeoutMs: { default: 10 * MINUTE_MS, cap: 24 * 60 * MINUTE_MS },
  /** One whole turn of the agent: a loop that never ends must end. */
  turnTimeoutMs: { default: 2 * 60 * MINUTE_MS, cap: 24 * 60 * MINUTE_MS },
  /** Model requests in one turn, for the same reason. */
  turnModelRequests: { default: 200, cap: 2_000 },
  /** Tokens of one turn that cost: input that no cache had, and output. 200 requests of 100,000 fit. */
  turnTokens: { default: 20_000_000, cap: 1_000_000_000 },
  /** Commands of one turn, for the same reason: more than this is a loop. */
  turnCommands: { default: 1_000, cap: 20_000 },
  /** The setup script and the maintenance script, each: a large install fits, a hang does not. */
  setupTimeoutMs: { default: 10 * MINUTE_MS, cap: 2 * 60 * MINUTE_MS },
  /** How long a prepared environment is used again: dependencies age, and secrets are changed. */
  cacheMs: { default: 12 * 60 * MINUTE_MS, cap: 7 * 24 * 60 * MINUTE_MS },
  /** All prepared environments together, on disk; beyond it the one that was used longest ago goes. */
  cacheBytes: { default: 20 * GIB, cap: 1_024 * GIB },
  /** How long a sandbox is kept after a turn for follow-ups. */
  parkedMs: { default: 30 * MINUTE_MS, cap: 24 * 60 * MINUTE_MS },
  /** Text of one prompt. */
  promptBytes: { default: 256 * KIB, cap: 512 * KIB },
  /** One picture of a prompt: a screenshot of any screen fits, and it goes along with every request. */
  attachmentBytes: { default: 20 * MIB, cap: 20 * MIB },
  /** AGENTS.md files together, cut from the root side with a visible mark. */
  agentsFileBytes: { default: 32 * KIB, cap: 256 * KIB },
  /** Turns that run at the same time in one backend; more wait in the queue. */
  parallelTurns: { default: 4, cap: 64 },
  /** A sandbox's memory, where the engine can limit it. */
  sandboxMemoryBytes: { default: 4 * GIB, cap: 64 * GIB },
  /** What a task may write beside its image: a build fits, a filled disk does not. */
  sandboxDiskBytes: { default: 20 * GIB, cap: 1_024 * GIB },
  /** Processors of a sandbox, where the engine can limit them. */
  sandboxCpus: { default: 4, cap: 128 },
  /** Processes in a sandbox, where the engine can limit them: a fork bomb ends here. */
  sandboxPids: { default: 1_024, cap: 16_384 },
  /** Connections of one task through the proxy at once: package managers open dozens, a flood thousands. */
  egressConnections: { default: 256, cap: 4_096 },
  /** Bytes of one task through the proxy, both directions: a large toolchain fits, a copied disk does not. */
  egressBytes: { default: 20 * GIB, cap: 1_024 * GIB },
  /** Bytes of one task through the proxy in a second, so that it leaves something to the others. */
  egressBytesPerSecond: { default: 256 * MIB, cap: 10 * GIB },
  /** Entries of one task's egress log: a large install has some thousands, a loop would fill the disk. */
  egressLogEntries: { default: 20_000, cap: 1_000_000 },
  /** What the links of one prompt lead to, as text, together: a long discussion fits, and room to work stays. */
  forgeTextBytes: { default: 64 * KIB, cap: 512 * KIB },
  /** One linked diff, laid in the sandbox: more than anybody reviews; beyond it, a checkout is the better way. */
  forgeDiffBytes: { default: 4 * MIB, cap: 64 * MIB },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;
export type LimitValues = Record<LimitName, number>;

export const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[];

/** From this share of a turn's budget on, the person and the model are told that it is nearly used up. */
export const BUDGET_NEAR_SHARE = 0.8;

/**
 * From this share of a model's window on its history is summarised: the rest is for the answer and for the
 * output of the commands that it makes before the next look.
 */
export const COMPACTION_SHARE = 0.9;
/** What people said most recently survives a summary word for word, up to this. */
export const COMPACTION_USER_TOKENS = 20_000;
/** A picture in the sandbox that the model is shown. */
export const SHOWN_IMAGE_BYTES = 5 * MIB;
/** Those of one command: more at once are no look but a listing. */
export const SHOWN_IMAGES_PER_COMMAND = 8;
/** All pictures of one request to the model; the oldest beyond it are only named. */
export const REQUEST_IMAGES_BYTES = 32 * MIB;
/** What was sent for a prompt and is in none is kept this long: a person is still writing it. */
export const UNUSED_BLOB_MS = 24 * 60 * MINUTE_MS;

/** A patch is stored in chunks of this size by content hash, so that equal parts are stored once. */
export const PATCH_CHUNK_BYTES = MIB;

/** All environments together, so that their list fits into one RPC frame whatever is in them. */
export const ENVIRONMENTS_BYTES = 768 * KIB;

/** A shorter value would be found by chance in any output, so it can't be redacted. */
export const SECRET_LEAST_BYTES = 8;
export const SECRET_MOST_BYTES = 64 * KIB;
/** All of one environment: each value is searched for in everything that a sandbox prints. */
export const SECRETS_PER_ENVIRONMENT = 64;
/**
 * And all of their bytes: a process starts with at most 2 MiB of variables and arguments, and what is
 * searched for in output takes some hundred times its size in memory.
 */
export const SECRETS_BYTES_PER_ENVIRONMENT = 256 * KIB;

/** Terminals of one connection, and of all: each holds a door and a shell in a sandbox. */
export const TERMINALS_PER_CONNECTION = 8;
export const TERMINALS_MOST = 32;
/** A terminal in which nothing is typed or printed for this long is closed: it keeps its sandbox from going. */
export const TERMINAL_IDLE_MS = 30 * MINUTE_MS;
/** A sandbox is kept at least this long after its last terminal: somebody who looked comes back. */
export const TERMINAL_PARKED_MS = 10 * MINUTE_MS;
/**
 * What one terminal may print in a second. VS Code has no way to hold up a terminal of an extension's, and
 * draws about this much: beyond it Ctrl+C would be seen long after it was pressed.
 */
export const TERMINAL_BYTES_PER_SECOND = 4 * MIB;
/** What waits for a program that reads nothing; more than one paste of a file, and no flood. */
export const TERMINAL_TYPED_BYTES = MIB;

/**
 * What the embedded database keeps of its files in its own memory. The system keeps them too; its default
 * of 128 MiB is laid out at every start and makes that twice as long.
 */
export const DATABASE_BUFFERS_KIB = 16 * 1024;
/** An empty database that was kept for the next start: gone when no version used it for this long. */
export const DATABASE_TEMPLATE_UNUSED_MS = 30 * 24 * 60 * MINUTE_MS;
/** At one task at the same time: each has a sandbox and a conversation of its own, and costs as much. */
export const ATTEMPTS_MOST = 4;
/** Links of one prompt that are read: each is a request or two to a forge, which counts them. */
export const LINKS_PER_PROMPT = 10;
/** A forge that does not answer keeps a turn waiting no longer than this, and no client that asks for a commit. */
export const FORGE_READ_MS = 20_000;
/** What is said to an agent at work waits no longer for what its links lead to: it is meant for now. */
export const STEER_LINKS_MS = 5_000;
/** A pull request's template as the model gets it: longer ones explain more than they ask. */
export const PULL_REQUEST_TEMPLATE_BYTES = 8 * KIB;
/** Pictures of one prompt. */
export const IMAGES_PER_PROMPT = 10;

/** A branch's name: as long as a file's may be, with git's `.lock` behind it. */
export const BRANCH_NAME_BYTES = 244;
/** A repository's template for pull requests: a page of text; more is no template. */
export const PULL_TEMPLATE_BYTES = 64 * KIB;
/** A pull request's title: as long as GitHub takes one. One that is proposed is shorter, for whoever edits it. */
export const PULL_TITLE_CHARS = 256;
export const PULL_TITLE_PROPOSED_CHARS = 200;
/** Its text: a forge takes 65,536 characters; the rest is for whoever edits it. */
export const PULL_BODY_CHARS = 60_000;
/** Files that a preview of a pull request lists: as many as fit into one RPC frame, whatever their names. */
export const PREVIEW_FILES = 500;
/** A webhook's body. GitHub sends up to 25 MiB for a push of everything; what we need stands in far less. */
export const WEBHOOK_BYTES = MIB;
/** Webhooks of one forge that are worked on, and that wait: a flood must not fill the memory. */
export const WEBHOOKS_WAITING = 200;
/** The ids of webhooks that were taken: a forge sends one again for some days at most. */
export const WEBHOOK_IDS_KEPT_MS = 7 * 24 * 60 * MINUTE_MS;
/** How old a wish in a comment may be when it is told, or when a backend that was ended comes to it. */
export const WISHES_KEPT_MS = 24 * 60 * MINUTE_MS;
/** What others wrote, in one prompt: the longest review fits, a flood does not. */
export const FEEDBACK_PROMPT_BYTES = 64 * KIB;
/** Comments of a pull request that a client gets, the newest; each is cut to fit into an RPC frame. */
export const FEEDBACK_COMMENTS = 200;
export const FEEDBACK_COMMENT_BYTES = 3 * KIB;
/** How often an open pull request is looked at: one that was worked on in the last day, and any other. */
export const PULL_POLL_MS = 2 * MINUTE_MS;
export const PULL_POLL_OLD_MS = 60 * MINUTE_MS;
export const PULL_POLL_RECENT_MS = 24 * 60 * MINUTE_MS;
/** Each look is six requests, and what has not changed costs none; a token has 5,000 an hour, and people need some. */
export const PULL_LOOKS_PER_MINUTE = 10;
/** A forge that can't be used is left alone for this long, where it does not say how long. */
export const FORGE_PAUSE_MS = 10 * MINUTE_MS;
/** What failed at a forge is tried again after this long, then after twice as long each time, up to an hour. */
export const FORGE_RETRY_MS = MINUTE_MS;
export const FORGE_RETRY_MOST_MS = 60 * MINUTE_MS;
/** Before a forge is asked again for a pull request of a branch that it does not know yet, pushed a moment ago. */
export const HEAD_UNKNOWN_PAUSES_MS = [500, 1_500, 4_000];
/** About a day: who still waits for an answer then does not see it any more. The next start tries again. */
export const ANSWER_TRIES = 30;
/** One that is being published for longer was left behind by a process that ended. */
export const PULL_LEFT_MS = 15 * MINUTE_MS;
/** What an agent says is posted as a comment; a forge takes 65,536 characters. */
export const COMMENT_CHARS = 32 * 1024;
/** Git at a forge: a large repository over a slow link fits, a connection that never ends does not. */
export const FORGE_GIT_TIMEOUT_MS = 60 * MINUTE_MS;
/** Without a byte from there or to there. Servers send a sign of life every few seconds while they work. */
export const FORGE_GIT_STALL_MS = 2 * MINUTE_MS;
/** One answer of a forge: a page of a hundred comments of full length fits. */
export const FORGE_ANSWER_BYTES = 16 * MIB;
/** One request to a forge with its answer; what takes longer has broken off. */
export const FORGE_REQUEST_MS = 30_000;
/** All waiting for one call while a forge takes no more requests: a person waits for the answer. */
export const FORGE_WAIT_MS = 30_000;
/** Pages of a hundred entries of one list. */
export const FORGE_PAGES_MOST = 10;
/** Answers that are kept to be asked for again with their ETag, all together. */
export const FORGE_CACHE_BYTES = 16 * MIB;
/** What a forge says of a refusal, in our sentence. */
export const FORGE_REASON_CHARS = 300;
/** From asking for an app until the forge hands it over: a person fills in a form meanwhile. */
export const FORGE_APP_MS = 10 * MINUTE_MS;
/** Apps that are asked for at the same time. */
export const FORGE_APPS_MOST = 20;

/** After TERM a command has this long before KILL. */
export const KILL_GRACE_MS = 2_000;

/** The defaults, with each override clamped to its cap; a value that is no positive number is an error. */
export function resolveLimits(overrides: Partial<Record<LimitName, number>> = {}): LimitValues {
  const values = {} as LimitValues;
  for (const name of LIMIT_NAMES) {
    const wanted = overrides[name] ?? LIMITS[name].default;
    if (!Number.isFinite(wanted) || wanted <= 0) {
      throw new RangeError(`The limit ${name} must be a positive number, not ${String(wanted)}.`);
    }
    values[name] = Math.min(wanted, LIMITS[name].cap);
  }
  return values;
}
