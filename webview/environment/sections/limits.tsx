/** What a task may use: time, memory, processors, processes, disk. */
import { LIMITS } from '../../../protocol/limits.ts';
import { t } from '../../words.ts';
import { QuantityField } from './quantity.tsx';
import { Section, type SectionProps } from './section.tsx';

export function LimitsSection(props: SectionProps) {
  return (
    <Section id="limits" title={t('Limits')}>
      <div class="grid">
        <QuantityField
          {...props}
          quantity="commandTimeoutMs"
          fallback={LIMITS.commandTimeoutMs.default}
          fromFile={props.file.commandTimeoutMs}
        />
        <QuantityField {...props} quantity="memoryBytes" fallback={LIMITS.sandboxMemoryBytes.default} />
        <QuantityField {...props} quantity="cpus" fallback={LIMITS.sandboxCpus.default} />
        <QuantityField {...props} quantity="pids" fallback={LIMITS.sandboxPids.default} />
        <QuantityField {...props} quantity="diskBytes" fallback={LIMITS.sandboxDiskBytes.default} />
      </div>
    </Section>
  );
}
