/** A number with its unit; what holds while it is empty stands in it. */
import { TextField } from '../../ui/fields.tsx';
import { t } from '../../words.ts';
import { QUANTITIES, quantityText, type Quantity } from '../form.ts';
import { fieldWords } from '../words.ts';
import type { SectionProps } from './section.tsx';

interface Props extends SectionProps {
  quantity: Quantity;
  /** Of the product. */
  fallback: number;
  /** Of the repository's file. */
  fromFile?: number | undefined;
  hint?: string;
}

export function QuantityField({ form, problems, actions, quantity: name, fallback, fromFile, hint }: Props) {
  const value = quantityText(name, fromFile ?? fallback);
  return (
    <TextField
      id={`quantity-${name}`}
      label={quantityLabel(name)}
      hint={hint}
      problem={problems.get(`quantities.${name}`)}
      value={form.quantities[name]}
      placeholder={
        fromFile === undefined ? t('{value} (default)', { value }) : t('{value} (repository)', { value })
      }
      unit={QUANTITIES[name].unit}
      numeric
      onInput={(text) => actions.set({ quantities: { ...form.quantities, [name]: text } })}
    />
  );
}

function quantityLabel(name: Quantity): string {
  switch (name) {
    case 'memoryBytes':
      return t('Memory');
    case 'diskBytes':
      return t('Disk');
    case 'cpus':
      return t('Processors');
    case 'pids':
      return t('Processes');
    case 'setupTimeoutMs':
    case 'commandTimeoutMs':
    case 'cacheMs':
    case 'parkedMs':
      return fieldWords(name);
  }
}
