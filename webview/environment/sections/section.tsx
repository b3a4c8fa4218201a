/** What every section of an environment gets, and how it looks. */
import type { ComponentChildren } from 'preact';
import type { RepositorySettings } from '../../../protocol/environment.ts';
import type { OpenedEnvironment } from '../../../protocol/pages.ts';
import type { Form, ScriptName } from '../form.ts';
import type { Problems } from '../problems.ts';

export interface EditorActions {
  set: (change: Partial<Form>) => void;
  putSecret: (secret?: string) => void;
  deleteSecret: (secret: string) => void;
  internet: (phase: 'agent' | 'setup') => void;
  learnMore: () => void;
  openScript: (script: ScriptName) => void;
  resetCache: () => void;
}

export interface SectionProps {
  form: Form;
  problems: Problems;
  /** What the repository's file says: it holds where nothing is set. */
  file: RepositorySettings;
  opened: OpenedEnvironment;
  language: string;
  actions: EditorActions;
}

interface Props {
  id: string;
  title: string;
  about?: string | undefined;
  children: ComponentChildren;
}

export function Section({ id, title, about, children }: Props) {
  return (
    <section aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {about && <p class="about-section">{about}</p>}
      {children}
    </section>
  );
}
