/** A turn's log as plain text, for people: prompts, messages, every command with all of its kept output. Pure. */
import { type TaskEvent, type WireEvent, knownEvent } from '../../protocol/events.ts';
import type { CommandItem, Item } from '../../protocol/items.ts';

export function logText(event: WireEvent): string {
  const known = knownEvent(event);
  return known ? textOf(known) : `[${event.code}]\n`;
}

function textOf(event: TaskEvent): string {
  switch (event.code) {
    case 'turn.started':
      return `> ${event.params.prompt.replaceAll('\n', '\n> ')}\n\n`;
    case 'turn.finished':
      return `\n[${event.params.state}${event.params.error ? `: ${event.params.error.code}` : ''}]\n`;
    case 'phase.started':
      return `\n== ${event.params.phase}\n`;
    case 'phase.finished':
      return `== ${event.params.phase}: ${event.params.outcome}, ${seconds(event.params.durationMs)}\n`;
    case 'item.started':
      return event.params.item.type === 'command' ? `\n$ ${event.params.item.command}\n` : '';
    case 'item.completed':
      return completed(event.params.item);
    case 'output':
      return event.params.text;
    case 'limit.reached':
      return `[limit reached: ${event.params.limit} ${event.params.value}]\n`;
    case 'warning':
      return `[warning: ${event.params.code}]\n`;
    case 'turn.steered':
      return '';
    case 'attempt.finished': {
      const { state, error } = event.params;
      return `\n[attempt ${event.attempt}: ${state}${error ? `: ${error.code}` : ''}]\n`;
    }
    case 'attempt.chosen':
      return `[attempt ${event.params.attempt} chosen]\n`;
    case 'limit.near':
      return `[limit near: ${event.params.limit} ${event.params.used} of ${event.params.value}]\n`;
    case 'usage.changed':
      return '';
    case 'task.renamed':
    case 'task.created':
    case 'patch.ready':
    case 'policy.changed':
    case 'policy.denied':
    case 'approval.requested':
    case 'approval.answered':
    case 'environment.applied':
    case 'environment.cache':
    case 'sandbox.started':
    case 'sandbox.lost':
    case 'sandbox.parked':
    case 'secret.found':
    case 'pullRequest.changed':
      return `[${event.code}]\n`;
  }
}

function completed(item: Item): string {
  switch (item.type) {
    case 'command':
      return commandEnd(item);
    case 'message':
      return item.role === 'user' ? `\n> ${item.text.replaceAll('\n', '\n> ')}\n` : `\n${item.text}\n`;
    case 'reasoning':
      return item.summary === '' ? '' : `\n(${item.summary})\n`;
    case 'plan':
      return `\n${item.steps.map((step) => `${step.state === 'completed' ? '[x]' : '[ ]'} ${step.text}\n`).join('')}`;
    case 'image':
      return `\n[image: ${item.path}, ${item.bytes} bytes]\n`;
    case 'compaction':
      return `\n[compaction: ${item.tokensBefore} to ${item.tokensAfter ?? 'fewer'} tokens]\n`;
  }
}

function commandEnd(item: CommandItem): string {
  const dropped = item.droppedBytes ? `, ${item.droppedBytes} bytes dropped` : '';
  const duration = item.durationMs === undefined ? '' : `, ${seconds(item.durationMs)}`;
  return `\n[${item.end ?? 'ended'} ${item.exitCode ?? ''}${duration}${dropped}]\n`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
