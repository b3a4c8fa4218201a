/** Ctrl-C: the first one cancels the task in order, the second one leaves it as it is. */
import { EXIT } from '../../protocol/result.ts';

export interface Stop {
  /** Aborted by the first Ctrl-C (or SIGTERM). */
  signal: AbortSignal;
  dispose(): void;
}

export function stopOnSignal(say: (line: string) => void): Stop {
  const abort = new AbortController();
  const onSignal = () => {
    if (abort.signal.aborted) process.exit(EXIT.cancelled);
    say('Cancelling; press Ctrl-C again to leave at once.');
    abort.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: abort.signal,
    dispose: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
