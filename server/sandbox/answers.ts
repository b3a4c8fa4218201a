/** What a sandbox may answer. It is hostile: what does not fit these shapes ends the door. */
import { z } from 'zod';
import { CommandEnd } from '../../protocol/items.ts';
import { DOOR_TEXT_BYTES } from '../../protocol/door.ts';
import type { DoorCommandResult, DoorCommandState, DoorFailure, DoorWelcome } from '../../protocol/door.ts';

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const Welcome: z.ZodType<DoorWelcome> = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), door: count, generation: count }),
  z.object({
    ok: z.literal(false),
    reason: z.enum(['superseded', 'version', 'malformed']),
    door: count,
    generation: count,
  }),
]);

export const Failure: z.ZodType<DoorFailure> = z.object({
  reason: z.enum(['badRequest', 'notFound', 'busy', 'gitFailed', 'unreadable', 'noTerminal', 'io']),
  detail: z.string().max(2 * DOOR_TEXT_BYTES),
});

const Result = z
  .object({
    end: CommandEnd,
    exitCode: z.number().int().min(0).max(255),
    durationMs: z.number().nonnegative(),
    outputBytes: count,
    droppedBytes: count,
    reason: z.string().max(DOOR_TEXT_BYTES).optional(),
  })
  .transform(({ reason, ...rest }): DoorCommandResult => (reason === undefined ? rest : { ...rest, reason }));

export const CommandResultAnswer: z.ZodType<DoorCommandResult> = Result;

export const CommandStateAnswer: z.ZodType<DoorCommandState> = z.discriminatedUnion('state', [
  z.object({ state: z.literal('unknown') }),
  z.object({ state: z.literal('running') }),
  z.object({ state: z.literal('ended'), result: Result }),
]);

export const ExitCode = z.coerce.number().int().min(0).max(255);

export const CaptureHeaders = z.object({
  tree: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/),
  ignored: z.coerce.number().int().nonnegative(),
});

export const InputAnswer = z.object({ running: z.boolean() });

export const Nothing = z.object({});
