/**
 * A form and what it was read from. When the environment is read again, what was changed elsewhere goes
 * into the fields that the person did not touch; a field that both changed is a conflict, and then
 * nothing on the page moves until the person has decided. Pure.
 */
import type { StoredEnvironment } from '../../protocol/environment.ts';
import {
  changedFields,
  editBetween,
  type EnvironmentEdit,
  type EnvironmentField,
  type EnvironmentFields,
} from '../../protocol/environment-edit.ts';
import { fieldsOf, formOf, normalFields, type Form } from './form.ts';

export interface Draft {
  base: StoredEnvironment;
  form: Form;
  /** On its way to the backend: what comes back of it is no change of somebody else's. */
  sent?: EnvironmentFields;
  /** Read since, with changes of fields that were also changed here. */
  theirs?: StoredEnvironment;
  /** Changed elsewhere and taken over. */
  taken?: readonly EnvironmentField[];
}

export function newDraft(base: StoredEnvironment): Draft {
  return { base, form: formOf(base) };
}

export function editOf({ base, form }: Draft): EnvironmentEdit {
  return editBetween(normalFields(base), fieldsOf(form));
}

export function isDirty(draft: Draft): boolean {
  return editedFields(draft).length > 0;
}

export function editedFields({ base, form }: Draft): EnvironmentField[] {
  return changedFields(normalFields(base), fieldsOf(form));
}

/** What was changed elsewhere and waits for a decision. */
export function conflictFields({ base, theirs }: Draft): EnvironmentField[] {
  return theirs ? changedFields(normalFields(base), normalFields(theirs)) : [];
}

/** Another reading of the same environment. */
export function withNewest(draft: Draft, newest: StoredEnvironment): Draft {
  const changed = changedFields(normalFields(draft.base), normalFields(newest));
  const [mine, theirs] = [fieldsOf(draft.form), normalFields(newest)];
  const touched = new Set(editedFields(draft));
  const differs = new Set(changedFields(mine, theirs));
  const foreign = new Set(draft.sent ? changedFields(draft.sent, theirs) : changed);
  if (changed.some((field) => touched.has(field) && differs.has(field) && foreign.has(field))) {
    return { ...draft, theirs: newest };
  }
  return onTopOf(draft, newest);
}

/** What was touched here stays to the letter, on top of the newest of everything else. */
export function onTopOf(draft: Draft, newest: StoredEnvironment): Draft {
  const touched = new Set(editedFields(draft));
  const others = changedFields(normalFields(draft.base), normalFields(newest)).filter(
    (field) => !touched.has(field),
  );
  const from = formOf(newest);
  const form = others.reduce((taken, field) => withField(taken, from, field), draft.form);
  const told = touched.size > 0 ? others : [];
  return { base: newest, form, ...(told.length > 0 ? { taken: told } : {}) };
}

function withField(form: Form, from: Form, field: EnvironmentField): Form {
  switch (field) {
    case 'image':
      return { ...form, image: from.image, imageKind: from.imageKind };
    case 'versions':
    case 'variables':
    case 'workdir':
    case 'setupForAsk':
    case 'allowSecretsIn':
    case 'model':
    case 'effort':
      return { ...form, [field]: from[field] };
    case 'setup':
    case 'maintenance':
      return { ...form, scripts: { ...form.scripts, [field]: from.scripts[field] } };
    case 'setupTimeoutMs':
    case 'commandTimeoutMs':
    case 'cacheMs':
    case 'parkedMs':
      return { ...form, quantities: { ...form.quantities, [field]: from.quantities[field] } };
    case 'resources': {
      const { memoryBytes, cpus, pids, diskBytes } = from.quantities;
      return { ...form, quantities: { ...form.quantities, memoryBytes, cpus, pids, diskBytes } };
    }
    case 'approval':
      return { ...form, policy: from.policy, allow: from.allow, deny: from.deny };
  }
}
