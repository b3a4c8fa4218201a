/**
 * The one place that knows `@vscode/webview-ui-toolkit`: it registers the components that the pages
 * use and hands them out as Preact components, so that another toolkit is a change of this file.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeBadge,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDivider,
  vsCodeLink,
  vsCodeProgressRing,
  vsCodeTextArea,
} from '@vscode/webview-ui-toolkit';
import { h, type ComponentChildren, type Ref } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

provideVSCodeDesignSystem().register(
  vsCodeBadge(),
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodeDivider(),
  vsCodeLink(),
  vsCodeProgressRing(),
  vsCodeTextArea(),
);

export function Icon({ name, spin, label }: { name: string; spin?: boolean; label?: string }) {
  const described =
    label === undefined
      ? ({ 'aria-hidden': true } as const)
      : ({ role: 'img', 'aria-label': label } as const);
  return <i class={`codicon codicon-${name}${spin ? ' codicon-modifier-spin' : ''}`} {...described} />;
}

export interface ButtonProps {
  /** Only the thing to do next is `primary`. */
  look?: 'primary' | 'secondary' | 'icon';
  icon?: string;
  label: string;
  /** Only the icon is seen; the label is its tooltip and its name. */
  iconOnly?: boolean;
  /** What it is called where its label says too little: several buttons of one label. */
  name?: string;
  disabled?: boolean;
  busy?: boolean;
  onClick: () => void;
  class?: string;
}

export function Button(props: ButtonProps) {
  const { look = 'secondary', icon, label, iconOnly, disabled, busy, onClick } = props;
  const shown = busy ? <Ring small /> : icon ? <Icon name={icon} /> : null;
  return h(
    'vscode-button',
    {
      appearance: look,
      disabled: disabled === true || busy === true,
      class: `${props.class ?? ''}${iconOnly ? ' icon-only' : ''}`,
      onClick: () => {
        if (!disabled && !busy) onClick();
      },
      ...(iconOnly ? { 'aria-label': label, title: label } : {}),
      ...(props.name === undefined ? {} : { 'aria-label': props.name }),
    },
    // Not a span: the toolkit makes every slotted span as small as an icon.
    iconOnly ? shown : h('div', { class: 'button-content' }, shown, label),
  );
}

export function Ring({ small, label }: { small?: boolean; label?: string }) {
  return h('vscode-progress-ring', {
    class: small ? 'small' : '',
    ...(label ? { 'aria-label': label } : { 'aria-hidden': 'true' }),
  });
}

export function Badge({ children }: { children: ComponentChildren }) {
  return h('vscode-badge', {}, children);
}

export function Divider() {
  return h('vscode-divider', { role: 'presentation' });
}

export function Link({ onClick, children }: { onClick: () => void; children: ComponentChildren }) {
  const act = (event: Event) => {
    event.preventDefault();
    onClick();
  };
  return h('vscode-link', { href: '#', onClick: act }, children);
}

export interface CheckboxProps {
  label: string;
  title?: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}

export function Checkbox({ label, title, checked, disabled, onChange }: CheckboxProps) {
  const onChangeEvent = (event: Event) => {
    const now = (event.target as HTMLInputElement).checked;
    if (now !== checked) onChange(now);
  };
  return h(
    'vscode-checkbox',
    { checked, disabled: disabled === true, title, onChange: onChangeEvent },
    label,
  );
}

export interface TextAreaProps {
  value: string;
  label: string;
  placeholder: string;
  disabled?: boolean;
  onInput: (text: string) => void;
  /** Ctrl/Cmd+Enter. */
  onSend: () => void;
  /** Called with how to move the focus here. */
  focusRef?: Ref<() => void>;
}

export function TextArea(props: TextAreaProps) {
  const element = useRef<HTMLTextAreaElement | null>(null);
  useEffect(() => {
    // Written by the page only when it differs: otherwise the caret would jump to the end.
    if (element.current && element.current.value !== props.value) element.current.value = props.value;
  }, [props.value]);
  const setRef = (node: HTMLTextAreaElement | null) => {
    element.current = node;
    const focus = () => (node?.shadowRoot?.querySelector('textarea') ?? node)?.focus();
    if (typeof props.focusRef === 'function') props.focusRef(focus);
    else if (props.focusRef) props.focusRef.current = focus;
  };
  return h('vscode-text-area', {
    ref: setRef,
    resize: 'none',
    placeholder: props.placeholder,
    'aria-label': props.label,
    disabled: props.disabled === true,
    onInput: (event: Event) => props.onInput((event.target as HTMLTextAreaElement).value),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.isComposing) {
        event.preventDefault();
        props.onSend();
      }
    },
  });
}

export interface SegmentsProps<T extends string> {
  label: string;
  options: readonly { value: T; label: string; title: string }[];
  value: T;
  onChange: (value: T) => void;
}

/** One of a few: a radio group, moved through by the arrow keys. */
export function Segments<T extends string>({ label, options, value, onChange }: SegmentsProps<T>) {
  const group = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = options.findIndex((option) => option.value === value);
    const next = (at + step + options.length) % options.length;
    const chosen = options[next];
    if (!chosen) return;
    onChange(chosen.value);
    (group.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="segments" role="radiogroup" aria-label={label} ref={group} onKeyDown={move}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          title={option.title}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}
