/** `sandbox.json`: what a sandbox is, and which process. It is there once its folders are complete. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const Kept = z.object({
  taskId: z.string(),
  attempt: z.number().int(),
  repoName: z.string(),
  role: z.enum(['agent', 'setup', 'ask']).default('agent'),
  /** The repository can't be written from inside. */
  readOnly: z.boolean().default(false),
  /** On the machine's loopback, where the sandbox has none of its own. */
  ports: z.object({ origin: z.number().int(), egress: z.number().int() }).optional(),
  /** Its runner had ended before it could end the rest: what was started there may live on. */
  leftAlone: z.boolean().default(false),
  process: z.object({ pid: z.number().int().positive(), startedAt: z.string() }),
});
export type Kept = z.infer<typeof Kept>;

export function readKept(dir: string): Kept | null {
  try {
    return Kept.parse(JSON.parse(readFileSync(join(dir, 'sandbox.json'), 'utf8')));
  } catch {
    return null;
  }
}

export function writeKept(dir: string, kept: Kept): void {
  const path = join(dir, 'sandbox.json');
  writeFileSync(`${path}.new`, JSON.stringify(kept));
  renameSync(`${path}.new`, path);
}
