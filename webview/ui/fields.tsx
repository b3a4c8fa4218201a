/**
 * Fields of a form: a label, the control, what it means, what is wrong with it. Plain controls in the
 * theme's colours: a label, a description and an error reach who sees little only where no shadow root
 * stands between.
 */
import type { ComponentChildren } from 'preact';
import { Icon } from './index.tsx';

export interface FieldProps {
  /** Of the control; the hint and the problem are named after it. */
  id: string;
  label: string;
  hint?: string | undefined;
  problem?: string | undefined;
  /** Only who can't see it needs it: a table's heading says it already. */
  labelHidden?: boolean;
}

function describedBy({ id, hint, problem }: FieldProps): string | undefined {
  return [problem && `${id}-problem`, hint && `${id}-hint`].filter(Boolean).join(' ') || undefined;
}

const common = (props: FieldProps) => ({
  id: props.id,
  'aria-describedby': describedBy(props),
  'aria-invalid': props.problem ? true : undefined,
});

export function Field(props: FieldProps & { children: ComponentChildren }) {
  const { id, label, hint, problem, labelHidden, children } = props;
  return (
    <div class="field">
      <label for={id} class={labelHidden ? 'visually-hidden' : ''}>
        {label}
      </label>
      {children}
      {problem && <Problem id={`${id}-problem`} text={problem} />}
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** What is wrong, next to where it is. */
export function Problem({ id, text }: { id?: string; text: string }) {
  return (
    <p class="problem" id={id}>
      <Icon name="error" />
      {text}
    </p>
  );
}

export interface TextFieldProps extends FieldProps {
  value: string;
  placeholder?: string | undefined;
  mono?: boolean;
  /** Behind it. */
  unit?: string;
  numeric?: boolean;
  onInput: (text: string) => void;
}

export function TextField(props: TextFieldProps) {
  const { value, placeholder, mono, unit, numeric, onInput } = props;
  return (
    <Field {...props}>
      <span class={unit ? 'with-unit' : 'plain-input'}>
        <input
          {...common(props)}
          type="text"
          class={mono ? 'input mono' : 'input'}
          inputMode={numeric ? 'decimal' : undefined}
          value={value}
          placeholder={placeholder}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => onInput(event.currentTarget.value)}
        />
        {unit && <span class="unit">{unit}</span>}
      </span>
    </Field>
  );
}

export function TextBlock(props: TextFieldProps & { rows?: number }) {
  const { value, placeholder, rows, onInput } = props;
  return (
    <Field {...props}>
      <textarea
        {...common(props)}
        class="input mono"
        rows={rows ?? 3}
        value={value}
        placeholder={placeholder}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Field>
  );
}

export interface SelectProps<T extends string> extends FieldProps {
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

export function Select<T extends string>(props: SelectProps<T>) {
  const { value, options, onChange } = props;
  return (
    <Field {...props}>
      <span class="select">
        <select
          {...common(props)}
          class="input"
          value={value}
          onChange={(event) => onChange(event.currentTarget.value as T)}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
        <Icon name="chevron-down" />
      </span>
    </Field>
  );
}
