/** What the task has used, in the header: tokens, how full the model's window is, what it costs. */
import { short } from '../format.ts';
import { Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { AttemptModel } from './attempt.ts';
import type { TaskModel } from './model.ts';
import { dollars, percent, usageOf, type Spent } from './usage-model.ts';

/** From here on the window is nearly full, and the conversation will be summarised. */
const NEARLY_FULL = 85;

export function UsageChip({ model, shown }: { model: TaskModel; shown: AttemptModel | undefined }) {
  const spent = usageOf(model);
  const window = shown?.window;
  if (spent.inputTokens + spent.outputTokens === 0 && !window) return null;
  return (
    <span class="chip usage" title={title(spent, window)}>
      <Icon name="dashboard" />
      <span>{words(spent)}</span>
      {window && <Meter used={window.used} size={window.size} />}
    </span>
  );
}

function words(spent: Spent): string {
  const { inputTokens, cachedInputTokens, outputTokens, costUsd } = spent;
  const cached = percent(cachedInputTokens, inputTokens);
  const input = short(inputTokens);
  const parts = [
    cached > 0 ? t('{input} in ({cached} % cached)', { input, cached }) : t('{input} in', { input }),
    t('{output} out', { output: short(outputTokens) }),
  ];
  if (costUsd !== undefined && costUsd > 0) {
    const { less, text } = dollars(costUsd);
    parts.push(less ? t('less than {cost}', { cost: text }) : t('about {cost}', { cost: text }));
  }
  return parts.join(' · ');
}

function title(spent: Spent, window: AttemptModel['window']): string {
  const { requests, inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = spent;
  const lines = [
    t('{requests} model requests, {inputTokens} tokens in ({cachedInputTokens} cached), {outputTokens} out', {
      ...{ requests, inputTokens, cachedInputTokens, outputTokens },
    }),
  ];
  if (reasoningTokens > 0) lines.push(t('{count} of these for reasoning', { count: reasoningTokens }));
  if (window) lines.push(windowWords(window));
  return lines.join('\n');
}

function windowWords({ used, size }: { used: number; size: number }): string {
  return t('The model’s window is {percent} % full: {used} of {size} tokens', {
    percent: percent(used, size),
    used: short(used),
    size: short(size),
  });
}

function Meter(window: { used: number; size: number }) {
  const full = percent(window.used, window.size);
  return (
    <span
      class={full >= NEARLY_FULL ? 'meter full' : 'meter'}
      role="meter"
      aria-valuenow={full}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuetext={t('{count} %', { count: full })}
      aria-label={windowWords(window)}
    >
      <i style={{ width: `${full}%` }} />
    </span>
  );
}
