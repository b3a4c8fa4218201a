/** Variables of the whole task: a name and a value a row, checked while they are typed. */
import { useRef } from 'preact/hooks';
import { Problem } from '../../ui/fields.tsx';
import { Button } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import type { Form } from '../form.ts';
import { fieldWords } from '../words.ts';
import { Section, type SectionProps } from './section.tsx';

export function VariablesSection({ form, problems, file, actions }: SectionProps) {
  const list = useRef<HTMLTableSectionElement>(null);
  const rows = form.variables;
  const put = (variables: Form['variables']) => actions.set({ variables });
  const change = (at: number, some: Partial<Form['variables'][number]>) =>
    put(rows.map((row, index) => (index === at ? { ...row, ...some } : row)));
  const add = () => {
    put([...rows, { name: '', value: '' }]);
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>('tr:last-of-type input')?.focus());
  };
  const here = new Set(rows.map(({ name }) => name.trim()));
  const fromFile = Object.entries(file.variables ?? {}).filter(([name]) => !here.has(name));
  return (
    <Section
      id="variables"
      title={fieldWords('variables')}
      about={t('Set for the whole task, in setup and for the agent, who can read them.')}
    >
      {rows.length + fromFile.length > 0 && (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{t('Name')}</th>
              <th scope="col">{t('Value')}</th>
              <th scope="col">
                <span class="visually-hidden">{t('Remove')}</span>
              </th>
            </tr>
          </thead>
          <tbody ref={list}>
            {rows.map((row, at) => (
              <VariableRow
                key={at}
                at={at}
                row={row}
                problem={problems.get(`variables.${at}`)}
                change={(some) => change(at, some)}
                remove={() => put(rows.filter((_, index) => index !== at))}
              />
            ))}
          </tbody>
          {fromFile.length > 0 && (
            <tbody class="quiet">
              {fromFile.map(([name, value]) => (
                <tr key={name}>
                  <td class="mono">{name}</td>
                  <td class="mono">{value}</td>
                  <td>{t('from the repository')}</td>
                </tr>
              ))}
            </tbody>
          )}
        </table>
      )}
      <div class="row">
        <Button icon="add" label={t('Add Variable')} onClick={add} />
      </div>
    </Section>
  );
}

interface RowProps {
  at: number;
  row: Form['variables'][number];
  problem: string | undefined;
  change: (some: Partial<Form['variables'][number]>) => void;
  remove: () => void;
}

function VariableRow({ at, row, problem, change, remove }: RowProps) {
  const id = `variable-${at}`;
  const number = at + 1;
  return (
    <>
      <tr>
        <td>
          <input
            class="input mono"
            aria-label={t('Name of variable {number}', { number })}
            aria-invalid={problem ? true : undefined}
            aria-describedby={problem ? `${id}-problem` : undefined}
            spellcheck={false}
            value={row.name}
            placeholder="NAME"
            onInput={(event) => change({ name: event.currentTarget.value })}
          />
        </td>
        <td>
          <textarea
            class="input mono one-line"
            aria-label={
              row.name === ''
                ? t('Value of variable {number}', { number })
                : t('Value of {name}', { name: row.name })
            }
            rows={1}
            spellcheck={false}
            value={row.value}
            onInput={(event) => change({ value: event.currentTarget.value })}
          />
        </td>
        <td>
          <Button
            look="icon"
            icon="trash"
            iconOnly
            label={
              row.name === ''
                ? t('Remove variable {number}', { number })
                : t('Remove {name}', { name: row.name })
            }
            onClick={remove}
          />
        </td>
      </tr>
      {problem && (
        <tr>
          <td colSpan={3}>
            <Problem id={`${id}-problem`} text={problem} />
          </td>
        </tr>
      )}
    </>
  );
}
