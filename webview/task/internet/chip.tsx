/** Off, limited, on: always in sight, what is allowed in its tooltip, the log on a click. */
import { accessWords, levelWords } from '../../../client/words/index.ts';
import type { AccessLevel } from '../../../protocol/egress.ts';
import { Icon } from '../../ui/index.tsx';
import { t } from '../../words.ts';

interface ChipProps {
  level: AccessLevel;
  /** What the environment allows, worded by the holder. */
  sentence: string | undefined;
  open: boolean;
  onClick: () => void;
}

export const LOG_ID = 'egress-log';

export function AccessChip({ level, sentence, open, onClick }: ChipProps) {
  const title = [
    accessWords(level, t),
    sentence,
    open ? t('Close the log') : t('Show what the task asked the internet for'),
  ];
  return (
    <button
      type="button"
      class={level === 'off' ? 'chip good' : 'chip'}
      title={title.filter(Boolean).join('\n')}
      aria-expanded={open}
      aria-controls={open ? LOG_ID : undefined}
      onClick={onClick}
    >
      <Icon name={level === 'off' ? 'lock' : 'globe'} />
      <span>{levelWords(level, t)}</span>
    </button>
  );
}
