/**
 * Secrets of an environment: only the setup gets them, as variables. They go in by `secret.put` and are
 * never sent out again; a client sees names and times.
 */
import { z } from 'zod';
import { SECRET_LEAST_BYTES, SECRET_MOST_BYTES } from './limits.ts';
import { variableProblem } from './variables.ts';

export const SecretName = z.string().superRefine((name, context) => {
  const problem = variableProblem(name);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const bytesOf = (value: string) => new TextEncoder().encode(value).length;

/** Any text but NUL: newlines and quotes are kept as they are. */
export const SecretValue = z
  .string()
  .refine((value) => bytesOf(value) >= SECRET_LEAST_BYTES, `is shorter than ${SECRET_LEAST_BYTES} bytes`)
  .refine((value) => bytesOf(value) <= SECRET_MOST_BYTES, `is longer than ${SECRET_MOST_BYTES} bytes`)
  .refine((value) => !value.includes('\0'), 'has a NUL character');

export const SecretView = z.object({
  name: z.string(),
  updatedAt: z.number(),
  updatedBy: z.string(),
});
export type SecretView = z.infer<typeof SecretView>;
