/** The words for what happens in a task: phases, ends of commands, limits, warnings. */
import type { CommandItem } from '../../protocol/items.ts';
import type { LimitName } from '../../protocol/limits.ts';
import type { Phase, ReviewState, TaskGroup, TurnState } from '../../protocol/states.ts';
import { english, fill, type Params, type Translate } from './template.ts';
import { bytesWords, durationWords } from './units.ts';

export const PHASE_WORDS: Record<Phase, string> = {
  checkout: 'Check out',
  setup: 'Set up',
  maintenance: 'Maintenance',
  agent: 'Agent',
  patch: 'Take the result out',
};

export const STATE_WORDS: Record<TurnState, string> = {
  queued: 'queued',
  preparing: 'preparing',
  running: 'running',
  waiting: 'waiting for you',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
};

export const GROUP_WORDS: Record<TaskGroup, string> = {
  running: 'Running',
  needsReview: 'Needs review',
  failed: 'Failed',
  done: 'Done',
};

export const REVIEW_WORDS: Record<ReviewState, string> = {
  none: '',
  open: 'needs review',
  applied: 'applied',
  partly: 'partly applied',
  dismissed: 'dismissed',
  pullRequest: 'pull request',
};

export const LIMIT_WORDS: Record<LimitName, string> = {
  patchBytes: 'The result is larger than {size}.',
  rpcFrameBytes: 'A message is larger than {size}.',
  eventBytes: 'An event was cut at {size}.',
  pushBytes: 'The push is larger than {size}.',
  commandOutputBytes: 'The command printed more than {size}; the rest was dropped.',
  modelOutputTokens: 'The model got head and tail of the output, about {value} tokens.',
  commandTimeoutMs: 'The command was stopped after {duration}.',
  turnTimeoutMs: 'The turn was stopped after {duration}. What it had done by then is kept.',
  turnModelRequests: 'The turn was stopped after {value} model requests. What it had done by then is kept.',
  turnTokens: 'The turn was stopped after {value} tokens. What it had done by then is kept.',
  turnCommands: 'The turn was stopped after {value} commands. What it had done by then is kept.',
  setupTimeoutMs: 'The setup was stopped after {duration}.',
  cacheMs: 'A prepared environment was used for {duration}; it is prepared anew.',
  cacheBytes: 'The prepared environments have more than {size}; the oldest ones went.',
  sandboxDiskBytes: 'The sandbox wrote more than {size}.',
  sandboxCpus: 'The sandbox had {value} processors.',
  parkedMs: 'The sandbox was kept for {duration}.',
  promptBytes: 'The prompt is longer than {size}.',
  attachmentBytes: 'The image is larger than {size}.',
  agentsFileBytes: 'The AGENTS.md files are longer than {size}; the model got a part of them.',
  parallelTurns: 'Already {value} turns are running; this one waits.',
  sandboxMemoryBytes: 'The sandbox used all of its {size} of memory.',
  sandboxPids: 'The sandbox had all of its {value} processes.',
  egressConnections: 'The task had {value} connections to the internet open; more are refused.',
  egressBytes: 'The task moved {size} to and from the internet; its access ended there.',
  egressLogEntries:
    'The task’s log of internet access has {value} entries; further ones are counted, not listed.',
  forgeTextBytes: 'What links in the prompt lead to is longer than {size}; the agent got a part of it.',
  forgeDiffBytes: 'What a link leads to is larger than {size}; it was left out.',
  egressBytesPerSecond: 'The task’s internet access was slowed down to {size} a second.',
};

/** By the code of a `warning` event. Several: from the one that says most to the one that needs nothing. */
export const WARNING_WORDS: Record<string, readonly string[]> = {
  // a turn
  modelRetry: [
    'The model’s server failed ({reason}); trying again in {delayMs}, {attempt} of {of}.',
    'The model’s server failed; trying again.',
  ],
  modelOffline: [
    'The model’s server can’t be reached ({message}), for {sinceMs} now; waiting for the network, trying again in {delayMs}.',
    'The model’s server can’t be reached; waiting for the network.',
  ],
  modelEffortRefused: [
    'The model’s server does not take the effort “{effort}”; the model thinks as much as it does by itself.',
    'The model’s server does not take the effort that was asked for.',
  ],
  modelCallUnreadable: [
    'The model made a call that can’t be read; it was told so: {problem}',
    'The model made a call that can’t be read; it was told so.',
  ],
  agentsFileCut: [
    '{path}: the model got {keptBytes} of it; AGENTS.md files may have {maxBytes} together.',
    'AGENTS.md is longer than the model gets; a part was left out.',
  ],
  ignoredFiles: [
    '{count} files that git ignores were left out of the result.',
    'Files that git ignores were left out of the result.',
  ],
  automaticSetupFailed: [
    'The automatic setup failed with exit code {exitCode}, and the agent goes on without it. Write a setup script in the environment, or an empty one.',
    'The automatic setup failed, and the agent goes on without it.',
  ],
  scriptUnapproved: [
    '{path} differs from the default branch’s, so its setup ran without the environment’s secrets. Look at it and approve it, if you trust it.',
    'The setup of this branch ran without the environment’s secrets.',
  ],
  untrustedTask: [
    'This task works on a fork’s code: it gets no secrets and no internet access, and nothing that it sets up is kept for other tasks.',
  ],
  // links in a prompt
  linkRead: ['Read for the agent: {title} ({url})', 'Read for the agent: {url}'],
  linkLaid: [
    'The changes of {url} lie in the sandbox: {path}, {bytes}.',
    'The changes of a link in the prompt lie in the sandbox.',
  ],
  linkTooLarge: [
    '{url} was not read: it is larger than {maxBytes}. The agent goes on without it.',
    'A link in the prompt was not read: it is too large.',
  ],
  linkGone: [
    '{url} was not read: it is not there, or the backend’s access to {host} does not reach it. The agent goes on without it.',
    'A link in the prompt was not read: it is not there, or the backend has no access to it.',
  ],
  linkNoAccess: [
    '{url} was not read: {host} does not let the backend in. Connect it again; the agent goes on without it.',
    'A link in the prompt was not read: the forge does not let the backend in.',
  ],
  linkRateLimited: [
    '{url} was not read: {host} takes no more requests for now. The agent goes on without it.',
    'A link in the prompt was not read: the forge takes no more requests for now.',
  ],
  linkForeign: [
    '{url} was not read: a task that a comment started reads only what is in its own repository.',
    'A link in the prompt was not read: it leads to another repository.',
  ],
  linkUnread: [
    '{url} was not read: {host} did not answer as it should. The agent goes on without it.',
    'A link in the prompt was not read. The agent goes on without it.',
  ],
  linksLeftOut: [
    'The prompt has more links than are read at once: {read} were read, {count} stayed text.',
    'The prompt has more links than are read at once; some stayed text.',
  ],
  templateCut: [
    '{path}: the model got {keptBytes} of the pull request template.',
    'The pull request template is long; the model got its beginning.',
  ],
  // a snapshot of the person's folder
  notIncluded: ['Not sent: {path} ({reason})', 'Not sent: {path}', 'A file could not be sent.'],
  embeddedRepository: [
    '{path} is a repository of its own; its {files} files are sent as plain files.',
    'A repository inside this one is sent as plain files.',
  ],
  linkedWorktree: ['{path} is another working tree and is left out.', 'Another working tree is left out.'],
  submoduleChanges: [
    'Changes inside the submodule {path} are not sent.',
    'Changes inside submodules are not sent.',
  ],
  largeFile: ['{path} is large: {bytes}. Add it to .gitignore if no task needs it.', 'A large file is sent.'],
  largeFiles: [
    '{count} large files are sent, {bytes} together. Add them to .gitignore if no task needs them.',
    'Large files are sent.',
  ],
  shallowHistory: ['This is a shallow clone: the agent sees no history before its newest commits.'],
  conflicts: [
    '{count} files with merge conflicts are sent as they are.',
    'Merge conflicts are sent as they are.',
  ],
};

export function limitWords(limit: string, value: number, t: Translate = english): string {
  const template = Object.hasOwn(LIMIT_WORDS, limit)
    ? LIMIT_WORDS[limit as LimitName]
    : 'The limit “{limit}” ({value}) was reached.';
  return t(template, { limit, value, size: bytesWords(value), duration: durationWords(value) });
}

export function warningWords(code: string, params: Params, t: Translate = english): string {
  const templates = Object.hasOwn(WARNING_WORDS, code) ? WARNING_WORDS[code] : undefined;
  return templates ? fill(templates, params, t) : fill(['Warning: {code}'], { code }, t);
}

export function phaseWords(phase: Phase, t: Translate = english): string {
  return t(PHASE_WORDS[phase], {});
}

/** How a command ended; an empty text for one that ended well or has not ended. */
export function commandEndWords(item: CommandItem, t: Translate = english): string {
  switch (item.end) {
    case undefined:
      return '';
    case 'exited':
      return item.exitCode === 0 ? '' : t('exit code {exitCode}', { exitCode: item.exitCode ?? -1 });
    case 'signalled':
      return t('ended by a signal, exit code {exitCode}', { exitCode: item.exitCode ?? -1 });
    case 'timedOut':
      return t('stopped at its time limit', {});
    case 'cancelled':
      return t('cancelled', {});
    case 'interrupted':
      return t('interrupted', {});
    case 'notStarted':
      return t('could not be started', {});
    case 'outOfMemory':
      return t('ended for want of memory', {});
    case 'denied':
      return t('not allowed', {});
  }
}
