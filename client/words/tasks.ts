/** The words for what happens in a task: phases, ends of commands, limits, warnings. */
import type { CommandItem } from '../../protocol/items.ts';
import type { LimitName } from '../../protocol/limits.ts';
import type { Phase, ReviewState, TaskGroup, TurnState } from '../../protocol/states.ts';
import { english, fill, type Params, type Translate } from './template.ts';

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
  patchBytes: 'The result is larger than {value} bytes.',
  rpcFrameBytes: 'A message is larger than {value} bytes.',
  eventBytes: 'An event was cut at {value} bytes.',
  pushBytes: 'The push is larger than {value} bytes.',
  commandOutputBytes: 'The command printed more than {value} bytes; the rest was dropped.',
  modelOutputTokens: 'The model got head and tail of the output, about {value} tokens.',
  commandTimeoutMs: 'The command was stopped after {duration}.',
  turnTimeoutMs: 'The turn was stopped after {duration}. What it had done by then is kept.',
  turnModelRequests: 'The turn was stopped after {value} model requests. What it had done by then is kept.',
  parkedMs: 'The sandbox was kept for {duration}.',
  promptBytes: 'The prompt is longer than {value} bytes.',
  agentsFileBytes: 'The AGENTS.md files are longer than {value} bytes; the model got a part of them.',
  parallelTurns: 'Already {value} turns are running; this one waits.',
  sandboxMemoryBytes: 'The sandbox used all of its {value} bytes of memory.',
  sandboxPids: 'The sandbox had all of its {value} processes.',
};

/** By the code of a `warning` event. Several: from the one that says most to the one that needs nothing. */
export const WARNING_WORDS: Record<string, readonly string[]> = {
  modelRetry: [
    'The model’s server failed ({reason}); trying again in {delayMs} ms, {attempt} of {of}.',
    'The model’s server failed; trying again.',
  ],
  agentsFileCut: ['AGENTS.md is longer than the model gets; a part was left out.'],
  ignoredFiles: [
    '{count} files that git ignores changed in the sandbox; they are not part of the result.',
    'Files that git ignores changed in the sandbox; they are not part of the result.',
  ],
  submodulesLeftOut: ['Submodules are not checked out in the sandbox.'],
  sandboxRestored: ['The sandbox was gone; a new one went on from the last stored state.'],
  commandInterrupted: ['A command was interrupted; the model was told.'],
  imageBuild: ['Building the sandbox’s image: {line}', 'Building the sandbox’s image; this is done once.'],
};

/** `900 ms`, `1.5 s`, `2 min 5 s`, `1 h 3 min` */
export function durationWords(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `512 bytes`, `1.5 KiB`, `64 MiB` */
export function bytesWords(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`;
  let value = bytes;
  let unit = '';
  for (unit of ['KiB', 'MiB', 'GiB', 'TiB']) {
    value /= 1_024;
    if (value < 1_023.95) break;
  }
  return `${Number(value.toFixed(1))} ${unit}`;
}

export function limitWords(limit: string, value: number, t: Translate = english): string {
  const template = Object.hasOwn(LIMIT_WORDS, limit)
    ? LIMIT_WORDS[limit as LimitName]
    : 'The limit “{limit}” ({value}) was reached.';
  return t(template, { limit, value, duration: durationWords(value) });
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
  }
}
