/** What the gateway is given; its parts know one another by this. */
import type { FORGE_METHODS } from '../../protocol/forge-rpc.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { ParamsOf, ResultOf } from '../../protocol/rpc.ts';
import type { ApprovalAnswer, OpenApproval } from '../../protocol/approval.ts';
import type { EgressLog } from '../environments/egress-log.ts';
import type { Environments } from '../environments/environments.ts';
import type { Log } from '../log.ts';
import type { Repos } from '../repos/repos.ts';
import type { Vault } from '../secrets/types.ts';
import type { Store } from '../store/store.ts';
import type { Hub, Sink } from '../tasks/hub.ts';
import type { BlobRoom } from './http.ts';
import type { WebhookRoom } from './webhooks.ts';
import type { Tasks } from '../tasks/tasks.ts';

/** What was prepared of environments. */
export interface PreparedRoom {
  /** How many are forgotten. */
  reset(environment: string): Promise<number>;
}

/** Scripts of environment files that a person let have the secrets. */
export interface ScriptRoom {
  approve(repoId: string, hash: string, who: string): Promise<void>;
}

export interface ApprovalRoom {
  /** Throws `CodexError` approvalGone. */
  answer(taskId: string, approvalId: string, answer: ApprovalAnswer, who: string): Promise<void>;
  /** The open ones, oldest first. */
  open(taskId?: string): Promise<OpenApproval[]>;
}

/** Shells in parked sandboxes; each belongs to the connection that opened it. */
export interface TerminalRoom {
  /** Throws `CodexError` terminalUnavailable. */
  open(of: ParamsOf<'terminal.open'>, sink: Sink): Promise<string>;
  /** Resolves once the sandbox has taken them. */
  write(terminalId: string, bytes: Buffer, sink: Sink): Promise<void>;
  resize(terminalId: string, columns: number, rows: number, sink: Sink): void;
  close(terminalId: string, sink: Sink): void;
}

/** Forges and pull requests; `who` is written down with what is done. */
export type ForgeRoom = {
  [M in keyof typeof FORGE_METHODS]: (params: ParamsOf<M>, who: string) => Promise<ResultOf<M>>;
};

export interface GatewayDeps {
  tasks: Tasks;
  blobs: BlobRoom;
  environments: Environments;
  egressLog: EgressLog;
  vault: Vault;
  prepared: PreparedRoom;
  scripts: ScriptRoom;
  approvals: ApprovalRoom;
  terminals: TerminalRoom;
  forges: ForgeRoom;
  /** Absent: nobody may tell us anything. */
  webhooks?: WebhookRoom;
  hub: Hub;
  store: Store;
  repos: Repos;
  limits: LimitValues;
  log: Log;
  token: string;
  allowedHosts: readonly string[];
  hello(): Omit<ResultOf<'server.hello'>, 'protocol'>;
  /** With `check` every connection is tried. */
  models(check: boolean): Promise<ResultOf<'model.list'>>;
  /** Throws `CodexError` modelUnknown, modelNotConfigured; null is the default one. */
  checkModel?(name: string | null): Promise<void>;
  /** Whether such a task can be run here; throws a `CodexError` that says why not. */
  checkTask?(request: ParamsOf<'task.create'>): void;
}
