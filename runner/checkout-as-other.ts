/**
 * One checkout in a process of its own, for a sandbox whose repository must belong to somebody that no
 * command can become. The backend starts it as that user and holds its input open: when that closes, the
 * backend is gone, and so is this. Says `done`, or why not.
 */
import { createInterface } from 'node:readline';
import { checkout } from './checkout.ts';
import { asCheckout } from './requests.ts';

export async function checkoutAsOther(): Promise<void> {
  // What an earlier one left: its git would write where this one's does. Only this user's can be meant.
  if (process.getuid?.() !== 0) endOwn();
  process.umask(0o022);
  const lines = createInterface({ input: process.stdin });
  lines.once('close', () => process.exit(1));
  const line = await new Promise<string>((resolve) => lines.once('line', resolve));
  let said = 'done';
  try {
    await checkout(asCheckout(JSON.parse(line)));
  } catch (error) {
    said = error instanceof Error ? error.message : String(error);
  }
  process.stdout.write(`${said}\n`, () => process.exit(said === 'done' ? 0 : 1));
}

/** Every other process of this user's. */
function endOwn(): void {
  try {
    process.kill(-1, 'SIGKILL');
  } catch {
    // There is none.
  }
}
