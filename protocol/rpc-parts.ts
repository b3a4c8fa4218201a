/** What the methods of the RPC table are made of. */
import { z } from 'zod';
import { ATTEMPTS_MOST } from './limits.ts';

export const TaskId = z.string().regex(/^[a-z0-9]{8,40}$/);
/** Chosen by the client; the same id is the same task, however often it is sent. */
export const RequestId = z.string().min(8).max(100);
export const Attempt = z.number().int().min(1).max(ATTEMPTS_MOST);
export const Empty = z.object({});
export const OfTask = z.object({ taskId: TaskId });

export function method<P extends z.ZodType, R extends z.ZodType>(params: P, result: R) {
  return { params, result };
}
