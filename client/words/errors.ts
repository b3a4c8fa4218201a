/**
 * The sentence for every error code: what failed, and what to do. Several sentences of one code go
 * from the one that says most (it needs its parameters) to the one that needs none.
 */
import type { ErrorAction, ErrorCode, WireError } from '../../protocol/errors.ts';
import { BRANCH_ERROR_WORDS } from './branches.ts';
import { FORGE_ERROR_WORDS, forgeWhyWords } from './forge.ts';
import { isRuleProblem, ruleProblemWords } from './egress.ts';
import { setupFailedWords } from './setup.ts';
import { terminalUnavailableWords } from './terminals.ts';
import { english, fill, type Translate } from './template.ts';

export const ERROR_WORDS: Record<ErrorCode, readonly string[]> = {
  unauthorized: ['The backend did not accept the token. Set the token that this backend was started with.'],
  forbiddenOrigin: [
    'The backend does not serve pages from {origin}. Open the page from the backend itself.',
    'The backend is not served under the name {host}. Use the address that it prints, or add the name with --allowed-host.',
    'The backend refused this address. Use the address that it was started with.',
  ],
  protocolTooOld: [
    'This client speaks an older protocol than the backend. Update the client, or start the backend of the same version.',
  ],
  protocolTooNew: [
    'The backend is older than this client. Update the backend, or use the client of the same version.',
  ],
  helloFirst: [
    'The client did not introduce itself to the backend. Connect again; if it happens again, report it.',
  ],
  badRequest: [
    '{where}: {reason}',
    'The backend could not read the request: {reason}',
    'The backend could not read the request: “{field}” is not as it should be.',
    'The backend could not read the request. Update client and backend to the same version.',
  ],
  unknownMethod: [
    'The backend does not know “{method}”. Update the backend to the version of this client.',
    'The backend does not know this request. Update the backend to the version of this client.',
  ],
  frameTooLarge: [
    'The message is larger than the {maxBytes} that the backend takes. Shorten it.',
    'The message is larger than what the backend takes. Shorten it.',
  ],
  notFound: [
    'There is no {what} of this name on the backend. It may have been deleted: refresh the list.',
    'It is not on the backend any more. Refresh the list.',
  ],
  conflict: [
    'This is not possible now: the task is {state}. Refresh, and try again when that has changed.',
    'This is not possible in the task’s present state: {reason}',
    'This is not possible in the task’s present state. Refresh, and try again when it has changed.',
  ],
  turnEnding: [
    'The agent has finished, or is about to: what is said now would reach nobody. Send it as a follow-up.',
  ],
  choiceNeeded: [
    'This takes the result of one attempt, and none is chosen yet. Choose one of the {attempts} first.',
    'This takes the result of one attempt, and none is chosen yet. Choose one first.',
  ],
  choiceEmpty: [
    'Attempt {attempt} has no result that could be chosen. Choose another one, or run the task again.',
    'No attempt has a result to go on from. Run the task again.',
  ],
  choiceFixed: [
    'A follow-up has gone on from attempt {attempt}, so another one can’t be chosen any more. Start a new task for that.',
    'A follow-up has gone on from another attempt, so this one can’t be chosen any more. Start a new task for that.',
  ],
  notBuilt: [
    '{feature} is not built yet. Leave it out for now.',
    'This is not built yet. Leave it out for now.',
  ],
  internal: ['Something failed inside the backend. Try again; its log says more.'],
  shuttingDown: ['The backend is stopping. Start it again; its tasks go on where they were.'],
  backendUnreachable: [
    'No backend answers at {url} ({reason}). Check that it runs and that the address is right.',
    'No backend answers at {url}. Check that it runs and that the address is right.',
    'The backend can’t be reached. Check that it runs and that the address is right.',
  ],
  backendStartFailed: ['The backend did not start: {reason}', 'The backend did not start. Its log says why.'],
  portTaken: [
    'Port {port} is in use by another program. Choose another one, or 0 for any free one.',
    'The port is in use by another program. Choose another one, or 0 for any free one.',
  ],
  dataFolderBusy: [
    'Another backend (process {pid}) already works on {folder}. Use that one, stop it, or choose another data folder.',
    'Another backend already works on this data folder. Use that one, stop it, or choose another data folder.',
  ],
  folderMissing: [
    'There is no folder {folder}. Name one that exists.',
    'The folder does not exist. Name one that does.',
  ],
  gitMissing: ['Git was not found. Install it, then try again.'],
  notGit: [
    '{folder} is not in a git repository. Run “git init” there and commit once, or choose a folder that is.',
    'This folder is not in a git repository. Run “git init” there and commit once, or choose a folder that is.',
  ],
  noCommits: [
    '{folder} has no commit yet, and a task starts from one. Commit once, then try again.',
    'The repository has no commit yet, and a task starts from one. Commit once, then try again.',
  ],
  noWorkTree: [
    '{folder} has no working tree (it is a bare repository or inside .git). Choose the folder with the files.',
    'This folder has no working tree (it is a bare repository or inside .git). Choose the folder with the files.',
  ],
  foreignOwner: [
    'The repository of {folder} belongs to another user, so git does not read it. Run “git config --global --add safe.directory {folder}” if you trust it.',
    'The repository belongs to another user, so git does not read it. Add it to git’s safe.directory if you trust it.',
  ],
  refUnknown: [
    'There is no branch, tag or commit “{ref}” in this repository. Fetch it, or name another.',
    'There is no such branch, tag or commit in this repository. Fetch it, or name another.',
  ],
  ...BRANCH_ERROR_WORDS,
  repoUnknown: ['The backend does not have this repository. Send the task again, so that it is pushed anew.'],
  commitMissing: [
    'The backend does not have commit {sha}. Send the task again, so that it is pushed anew.',
    'The backend does not have this commit. Send the task again, so that it is pushed anew.',
  ],
  pushTooLarge: [
    'The repository is larger than the {maxBytes} that the backend takes. Raise its limit “pushBytes”, or leave large files out.',
    'The repository is larger than what the backend takes. Raise its limit “pushBytes”, or leave large files out.',
  ],
  pushRefused: [
    'The backend refused to take {ref}: clients push their snapshots only.',
    'The backend refused the push. The repository may hold broken objects: run “git fsck”.',
  ],
  gitFailed: [
    '“git {command}” failed with exit code {exitCode}. Try it in a terminal; the log says more.',
    '“git {command}” failed. Try it in a terminal; the log says more.',
    'Git failed. Try again; the log says more.',
  ],
  environmentUnknown: [
    'There is no environment “{name}”. Choose one of the list, or make it first.',
    'There is no such environment. Choose one of the list, or make it first.',
  ],
  environmentInUse: [
    'The environment “{name}” is used by tasks that have not ended ({tasks}). Wait for them or cancel them, then delete it.',
    'The environment is used by tasks that have not ended. Wait for them or cancel them, then delete it.',
  ],
  badEnvironment: [
    'The environment “{name}” can’t be kept like this: {where} {problem}.',
    'The environment can’t be kept like this: {where} {problem}.',
    'The environment can’t be kept like this.',
  ],
  environmentFileInvalid: [
    '{path}, line {line}: {problem}. Correct the file and commit it, or set the environment up in the backend.',
    '{path}: {problem}. Correct the file and commit it, or set the environment up in the backend.',
    'The environment file of the repository can’t be read. Correct it and commit it, or set the environment up in the backend.',
  ],
  setupFailed: ['The setup failed. Its last lines say more; open a terminal in the sandbox to look around.'],
  secretsTooMany: [
    'The secrets of an environment may have {maxBytes} together; with this one they have {bytes}. Delete one that is not used any more.',
    'An environment can have {most} secrets. Delete one that is not used any more.',
    'The environment has as many secrets as it can have. Delete one that is not used any more.',
  ],
  secretUnknown: [
    'There is no secret “{name}” in the environment “{environment}”.',
    'There is no such secret in the environment.',
  ],
  secretKeyMissing: [
    'The key of the secrets is not used, since others can read its file {path} (mode {mode}). Run “chmod 600 {path}”.',
    'The key of the secrets can’t be taken from {path}: {reason}. Mend the file or bring it back from a backup; without it the secrets are lost and have to be set anew.',
    'The backend has no key for its secrets: {reason}',
    'The backend has no key for its secrets. Set CODEX_SECRETS_KEY or let it make one in its data folder.',
  ],
  secretKeyUnknown: [
    'The secret “{name}” was encrypted with the key {kekId}, which this backend does not have. Give it that key, or set the secret anew.',
    'A secret was encrypted with a key that this backend does not have. Give it that key, or set the secret anew.',
  ],
  secretUnreadable: [
    'The secret “{name}” can’t be decrypted: its row was changed. Set it anew.',
    'A secret can’t be decrypted: its row was changed. Set it anew.',
  ],
  secretInFiles: [
    'The setup left the secret “{name}” in {path}, where the agent could read it, so the turn was stopped. Delete the file at the end of the setup, or allow it for this environment.',
    'The setup left a secret in a file where the agent could read it, so the turn was stopped.',
  ],
  secretInPatch: [
    'The result holds the secret “{name}” in {path}, so its patch was withheld.',
    'The result holds a secret, so its patch was withheld.',
  ],
  environmentsTooLarge: [
    'All environments together may have {maxBytes}; with this one they have {bytes}. Shorten the lists of domains.',
    'All environments together are too large. Shorten the lists of domains.',
  ],
  badPolicy: ['An entry of the domain lists can’t be a rule. Write a name such as example.com.'],
  domainDenied: [
    '“{domain}” is among the denied domains, which win. Remove it there first.',
    'The domain is among the denied ones, which win. Remove it there first.',
  ],
  sandboxUnavailable: [
    'There is no sandbox to run commands in. {detail}',
    'There is no sandbox to run commands in. Start Docker, or allow the confined local sandbox.',
  ],
  sandboxLost: [
    'The sandbox stopped in the middle of the work ({detail}). Retry the task.',
    'The sandbox stopped in the middle of the work. Check that Docker runs, then retry the task.',
  ],
  sandboxStartFailed: [
    'The sandbox did not start ({detail}). Check with “codex-tasks doctor”, then retry.',
    'The sandbox did not start. Check with “codex-tasks doctor”, then retry.',
  ],
  imageBuildFailed: [
    'The sandbox’s image {image} could not be made. Check that an image registry or a Debian mirror can be reached, then retry.',
    'The sandbox’s image could not be made. Check that an image registry or a Debian mirror can be reached, then retry.',
  ],
  imageMissing: [
    'The image {image} can’t be pulled ({reason}). Check its name and that this machine may reach its registry (“docker pull {image}” tries it), or choose another image.',
    'The image {image} can’t be pulled. Check its name and that this machine may reach its registry, or choose another image.',
    'The image is not there. Check its name and that this machine may reach its registry, or choose another image.',
  ],
  outOfMemory: [
    'The sandbox ran out of memory ({limitBytes}). Raise the memory of the environment, or have the task use less.',
    'The sandbox ran out of memory. Raise the memory of the environment, or have the task use less.',
  ],
  sandboxDiskFull: [
    'The sandbox wrote more than the {limitBytes} it may have on disk. Raise the disk of the environment, or have the task write less.',
    'The sandbox wrote more than it may have on disk. Raise the disk of the environment, or have the task write less.',
  ],
  terminalUnavailable: ['A terminal can’t be opened now: the task has no sandbox, or a turn is using it.'],
  approvalGone: ['This question is not open any more: it was answered, or its turn has ended.'],
  generationSuperseded: ['Another backend has taken this task over. It goes on there.'],
  modelNotConfigured: [
    'The model connection “{connection}” has no key: {variable} is not set where the backend runs. Set it and start the backend again, or choose a model of another connection.',
    'No model is set up. Set the API key, or start the backend with OPENAI_API_KEY.',
  ],
  modelUnknown: [
    'There is no model “{name}” on this backend. Choose one of these: {models}. The owner of the backend can add others.',
    'There is no such model on this backend. Choose one of its list.',
  ],
  modelUnauthorized: [
    'The model’s server did not accept the API key. Set a key that is valid for {baseUrl}.',
    'The model’s server did not accept the API key. Set a valid one.',
  ],
  modelRateLimited: [
    'The model’s server is limiting requests, and waiting did not help. Retry in a few minutes.',
  ],
  modelQuota: ['The account of the API key has no quota left. Check its plan and billing, then retry.'],
  modelUnavailable: [
    'The model’s server can’t be reached or is failing ({message}). Check its address and the network, then retry.',
    'The model’s server can’t be reached or is failing. Check its address and the network, then retry.',
  ],
  modelBadRequest: [
    'The model’s server refused the request: {message}',
    'The model’s server refused the request. Check that the model’s name is right and that it speaks the Responses API.',
  ],
  modelGarbage: [
    'The model’s server answered with something that is no response. Retry; if it stays, check its address.',
  ],
  modelContextFull: [
    'The conversation has become longer than what the model can read. Start a new task with what matters.',
  ],
  patchTooLarge: [
    'The result is {bytes}, more than the limit of {maxBytes}. Raise the limit “patchBytes”, or ask for less.',
    'The result is larger than {maxBytes}. Raise the limit “patchBytes”, or ask for less.',
    'The result is larger than the limit. Raise the limit “patchBytes”, or ask for less.',
  ],
  fileNotWritten: [
    '{path} could not be written: {reason}. The result is kept in the backend.',
    'A file could not be written. The result is kept in the backend.',
  ],
  notApplied: [
    '{left} of {total} files could not be applied: what stands there is not what the result was made from. Nothing of yours was overwritten; look at the patch.',
    'The result could not be applied. Nothing of yours was overwritten; look at the patch.',
  ],
  resultUnreadable: [
    'The result could not be taken out of the sandbox ({detail}). Retry the task.',
    'The result could not be taken out of the sandbox. Retry the task.',
  ],
  attachmentTooLarge: [
    '{count} images are too large together: all of a prompt may have {totalBytes}. Make them smaller, or send fewer.',
    '{name} is too large: an image may have {maxBytes}. Make it smaller.',
    'The image is larger than {maxBytes}. Make it smaller.',
    'The image is too large. Make it smaller.',
  ],
  attachmentUnreadable: [
    '{name} is no image that can be sent. Use PNG, JPEG, GIF or WebP.',
    'This is no image that can be sent. Use PNG, JPEG, GIF or WebP.',
  ],
  attachmentMissing: [
    'The backend does not have the image {name} any more. Add it again.',
    'The backend does not have an image of the prompt. Add it again.',
  ],
  ...FORGE_ERROR_WORDS,
  limitReached: [
    'The limit “{limit}” ({value}) was reached. Raise it, or ask for less.',
    'The limit “{limit}” was reached. Raise it, or ask for less.',
    'A limit was reached. Raise it, or ask for less.',
  ],
  diskFull: ['The disk of the backend is full. Free some space in its data folder, then retry.'],
  databaseFailed: ['The backend’s database failed. Check the disk of its data folder, then retry.'],
  cancelled: ['Cancelled.'],
};

export const ACTION_WORDS: Record<ErrorAction, string> = {
  setToken: 'Set Token',
  setApiKey: 'Set API Key',
  updateClient: 'Update the Extension',
  updateServer: 'Update the Backend',
  startDocker: 'How to Start Docker',
  allowLocalSandbox: 'Use the Local Sandbox',
  freeDisk: 'Show the Data Folder',
  retry: 'Try Again',
  showLogs: 'Show Logs',
  connectForge: 'Connect',
};

/** `action` is what can be done next, `label` its button. */
export interface ErrorText {
  text: string;
  action?: { id: ErrorAction; label: string };
}

export function errorWords(wire: WireError, t: Translate = english): ErrorText {
  const text =
    ruleErrorWords(wire, t) ??
    setupFailedWords(wire, t) ??
    terminalUnavailableWords(wire, t) ??
    forgeWhyWords(wire, t) ??
    fill(ERROR_WORDS[wire.code], wire.params, t);
  return wire.action
    ? { text, action: { id: wire.action, label: t(ACTION_WORDS[wire.action], {}) } }
    : { text };
}

/** What is wrong with an entry of a domain list has sentences of its own, by problem. */
function ruleErrorWords({ code, params }: WireError, t: Translate): string | null {
  const problem = String(params['problem']);
  if (code !== 'badPolicy' || !isRuleProblem(problem)) return null;
  return ruleProblemWords(problem, String(params['entry'] ?? ''), t);
}
