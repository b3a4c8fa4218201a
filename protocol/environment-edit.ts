/**
 * What a person changed of an environment, field by field: an edit says only that, so that what others
 * changed meanwhile stays. Internet access is no part of it: it has questions of its own. Pure.
 */
import { z } from 'zod';
import { Environment } from './environment.ts';

export const EnvironmentFields = Environment.omit({ name: true, internet: true }).partial();
export type EnvironmentFields = z.infer<typeof EnvironmentFields>;
export type EnvironmentField = keyof EnvironmentFields;

export const ENVIRONMENT_FIELDS = Object.keys(EnvironmentFields.shape) as EnvironmentField[];

export const EnvironmentEdit = z.object({
  set: EnvironmentFields,
  /** These go back to what the repository's file says, or to the default. */
  unset: z.array(z.enum(ENVIRONMENT_FIELDS)),
});
export type EnvironmentEdit = z.infer<typeof EnvironmentEdit>;

export function applyEdit<E extends Environment>(environment: E, { set, unset }: EnvironmentEdit): E {
  const edited: E = { ...environment, ...set };
  for (const field of unset) delete edited[field];
  return edited;
}

/** The fields in which two states differ. */
export function changedFields(before: EnvironmentFields, after: EnvironmentFields): EnvironmentField[] {
  return ENVIRONMENT_FIELDS.filter((field) => canonical(before[field]) !== canonical(after[field]));
}

/** From one state to another. */
export function editBetween(before: EnvironmentFields, after: EnvironmentFields): EnvironmentEdit {
  const fields = changedFields(before, after);
  const set = fields.filter((field) => after[field] !== undefined);
  return {
    set: Object.fromEntries(set.map((field) => [field, after[field]])),
    unset: fields.filter((field) => after[field] === undefined),
  };
}

/** JSON whatever the order in which names were set. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
