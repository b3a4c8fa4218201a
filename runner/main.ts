/**
 * The program inside every sandbox.
 *   runner serve                the sandbox's main process: listens on the door's socket
 *   runner attach GENERATION    a byte pump between that socket and its own stdin and stdout
 *   runner checkout             one checkout, told as a JSON line, for a user that the runner is not
 *   runner usage                how many bytes lie in its own folder
 *
 * It never needs the network, never keeps a secret, and outlives every backend: what it was told to
 * run goes on when the door closes.
 */
import { attach } from './attach.ts';
import { checkoutAsOther } from './checkout-as-other.ts';
import { serve } from './serve.ts';
import { usage } from './usage.ts';

const [verb, argument] = process.argv.slice(2);

if (verb === 'serve' && argument === undefined) {
  serve();
} else if (verb === 'attach' && /^\d{1,15}$/.test(argument ?? '')) {
  attach(Number(argument));
} else if (verb === 'checkout' && argument === undefined) {
  void checkoutAsOther();
} else if (verb === 'usage' && argument === undefined) {
  process.stdout.write(String(usage()));
} else {
  process.stderr.write('usage: runner serve | runner attach GENERATION | runner checkout | runner usage\n');
  process.exitCode = 2;
}
