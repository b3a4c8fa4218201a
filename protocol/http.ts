/** Paths and headers of the HTTP side, on the same port as the RPC. */

export const PATHS = {
  health: '/healthz',
  /** Without a token: proves that the backend knows it (HMAC-SHA256 of the nonce, hex). */
  proof: '/api/v1/proof',
  patch: (taskId: string, turn: number, attempt: number) =>
    `/api/v1/tasks/${taskId}/turns/${turn}/attempts/${attempt}/patch`,
  /** The bytes of one file, old or new, by the object id that the attempt's patch names it by. */
  file: (taskId: string, turn: number, attempt: number, oid: string) =>
    `/api/v1/tasks/${taskId}/turns/${turn}/attempts/${attempt}/blobs/${oid}`,
  /** The full log of a turn as text: every command with all of its kept output. */
  log: (taskId: string, turn: number, attempt: number) =>
    `/api/v1/tasks/${taskId}/turns/${turn}/attempts/${attempt}/log`,
  /** Everything that the task asked the internet for, one JSON object a line. */
  egress: (taskId: string) => `/api/v1/tasks/${taskId}/egress`,
  /** A picture for a prompt, by the hash of its bytes: sent before the request that names it. */
  blob: (sha256: string) => `/api/v1/blobs/${sha256}`,
  /** Where a forge sends its webhooks: signed, without a token. */
  webhook: (host: string) => `/api/v1/forges/${host}/webhook`,
  git: (repoId: string) => `/git/${repoId}.git`,
} as const;

/** The refs that a client may push: its snapshots, one uuid each. Nothing else is accepted. */
export const INCOMING_REF_PREFIX = 'refs/codex/in/';

/** `backend.json` in the data folder names a backend that runs there; mode 0600. */
export interface BackendFile {
  pid: number;
  port: number;
  version: string;
  nonce: string;
  startedAt: number;
}
