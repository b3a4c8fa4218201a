/**
 * Every error that crosses a wire: a code, whether trying again can help, parameters, and the
 * action that mends it. The sentence for a person is the client's (`client/words.ts`), in the
 * person's language.
 */
import { z } from 'zod';

export const ErrorCode = z.enum([
  // the connection and the request
  'unauthorized',
  'forbiddenOrigin',
  'protocolTooOld',
  'protocolTooNew',
  'helloFirst',
  'badRequest',
  'unknownMethod',
  'frameTooLarge',
  'notFound',
  'conflict',
  'turnEnding',
  'choiceNeeded',
  'choiceEmpty',
  'choiceFixed',
  'notBuilt',
  'internal',
  'shuttingDown',
  // the backend as a client sees it
  'backendUnreachable',
  'backendStartFailed',
  'portTaken',
  'dataFolderBusy',
  // the person's folder
  'folderMissing',
  'gitMissing',
  'notGit',
  'noCommits',
  'noWorkTree',
  'foreignOwner',
  'refUnknown',
  'branchNameInvalid',
  'branchExists',
  'branchCheckedOut',
  'branchMoved',
  'worktreeExists',
  'madeChanged',
  'identityMissing',
  // repositories
  'repoUnknown',
  'commitMissing',
  'pushTooLarge',
  'pushRefused',
  'gitFailed',
  // environments
  'environmentUnknown',
  'environmentInUse',
  'environmentsTooLarge',
  'badPolicy',
  'domainDenied',
  'badEnvironment',
  'environmentFileInvalid',
  'setupFailed',
  'secretsTooMany',
  'secretUnknown',
  'secretKeyMissing',
  'secretKeyUnknown',
  'secretUnreadable',
  'secretInFiles',
  'secretInPatch',
  // sandbox
  'sandboxUnavailable',
  'sandboxLost',
  'sandboxStartFailed',
  'imageBuildFailed',
  'imageMissing',
  'outOfMemory',
  'sandboxDiskFull',
  'terminalUnavailable',
  'approvalGone',
  'generationSuperseded',
  // pictures of a prompt
  'attachmentTooLarge',
  'attachmentUnreadable',
  'attachmentMissing',
  // model
  'modelNotConfigured',
  'modelUnknown',
  'modelUnauthorized',
  'modelRateLimited',
  'modelQuota',
  'modelUnavailable',
  'modelBadRequest',
  'modelGarbage',
  'modelContextFull',
  // forges and pull requests
  'forgeUnknown',
  'forgeAddressRefused',
  'forgeOwned',
  'forgeNotConfigured',
  'forgeUnauthorized',
  'forgeForbidden',
  'forgeRepoUnknown',
  'forgeRateLimited',
  'forgeUnavailable',
  'forgeRefused',
  'forgeGarbage',
  'forgePushRefused',
  'forgeBranchMoved',
  'forgeBranchGone',
  'forgeConflicts',
  'forgeNotConfirmed',
  'forgeNothingToPublish',
  'forgeLinkTooLarge',
  'forgeSignatureWrong',
  'forgeAppUnfinished',
  'forgeWebhookUnknown',
  'forgeWebhookUnsigned',
  'taskUntrusted',
  'pullRequestExists',
  'pullRequestMissing',
  'pullRequestClosed',
  // result and storage
  'patchTooLarge',
  'notApplied',
  'fileNotWritten',
  'resultUnreadable',
  'limitReached',
  'diskFull',
  'databaseFailed',
  'cancelled',
]);
export type ErrorCode = z.infer<typeof ErrorCode>;

/** What a client can offer as the next step. */
export const ErrorAction = z.enum([
  'setToken',
  'setApiKey',
  'updateClient',
  'updateServer',
  'startDocker',
  'allowLocalSandbox',
  'freeDisk',
  'retry',
  'showLogs',
  'connectForge',
]);
export type ErrorAction = z.infer<typeof ErrorAction>;

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'shuttingDown',
  'backendUnreachable',
  'backendStartFailed',
  'internal',
  'gitFailed',
  'sandboxUnavailable',
  'sandboxLost',
  'sandboxStartFailed',
  'imageBuildFailed',
  'imageMissing',
  'outOfMemory',
  'sandboxDiskFull',
  'setupFailed',
  'modelRateLimited',
  'modelUnavailable',
  'modelGarbage',
  'forgeRateLimited',
  'forgeUnavailable',
  'forgeGarbage',
  'forgeBranchMoved',
  'diskFull',
  'databaseFailed',
  'cancelled',
]);

const ACTIONS: Partial<Record<ErrorCode, ErrorAction>> = {
  unauthorized: 'setToken',
  protocolTooOld: 'updateClient',
  protocolTooNew: 'updateServer',
  sandboxUnavailable: 'startDocker',
  modelNotConfigured: 'setApiKey',
  modelUnauthorized: 'setApiKey',
  diskFull: 'freeDisk',
  backendUnreachable: 'retry',
  backendStartFailed: 'showLogs',
  forgeUnknown: 'connectForge',
  forgeUnauthorized: 'connectForge',
  forgeForbidden: 'connectForge',
  forgeWebhookUnsigned: 'connectForge',
};

export const ErrorParams = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
export type ErrorParams = z.infer<typeof ErrorParams>;

export const WireError = z.object({
  code: ErrorCode,
  retryable: z.boolean(),
  params: ErrorParams,
  action: ErrorAction.optional(),
});
export type WireError = z.infer<typeof WireError>;

export function wireError(code: ErrorCode, params: ErrorParams = {}): WireError {
  const action = ACTIONS[code];
  return { code, retryable: RETRYABLE.has(code), params, ...(action ? { action } : {}) };
}

/** The one error class of ours: it carries a `WireError` and, for the log only, a detail in English. */
export class CodexError extends Error {
  readonly wire: WireError;

  constructor(code: ErrorCode, params: ErrorParams = {}, options: { detail?: string; cause?: unknown } = {}) {
    super(options.detail ?? code, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CodexError';
    this.wire = wireError(code, params);
  }

  get code(): ErrorCode {
    return this.wire.code;
  }
}

/** Whatever was thrown, as something that may cross a wire: an unknown error tells no detail. */
export function toWireError(thrown: unknown): WireError {
  if (thrown instanceof CodexError) return thrown.wire;
  return wireError(hasNoSpace(thrown) ? 'diskFull' : 'internal');
}

/** The system's own code for a full disk or a used-up quota, wherever something was to be written. */
export function hasNoSpace(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const code = 'code' in thrown ? thrown.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT' || hasNoSpace(thrown.cause);
}

/** What happened, as one line for a log. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
