/**
 * Bytes from one stream to another, counted, with no more in between than the two streams' own
 * buffers: a slow reader stops its source, and so does the task's share of the bandwidth.
 */
import type { Duplex, Readable, Writable } from 'node:stream';

/** Told of each chunk before it goes on; answers for how many ms the source must rest. */
export type Meter = (bytes: number) => number;

/**
 * Resolves when the source has ended and all was handed on, with `end` also its end. Rejects when
 * either side breaks off. Destroys nothing: that is for whoever knows both directions.
 */
export function pump(from: Readable, to: Writable, meter: Meter, end = true): Promise<void> {
  return new Promise((resolve, reject) => {
    let resting: NodeJS.Timeout | undefined;
    let blocked = false;

    const onData = (chunk: Buffer): void => {
      const rest = meter(chunk.length);
      blocked = !to.write(chunk);
      if (rest > 0) {
        resting = setTimeout(() => {
          resting = undefined;
          goOn();
        }, rest);
      }
      if (rest > 0 || blocked) from.pause();
    };
    const goOn = (): void => {
      if (!blocked && resting === undefined) from.resume();
    };
    const onDrain = (): void => {
      blocked = false;
      goOn();
    };
    const settle = (error?: Error | null): void => {
      clearTimeout(resting);
      from.off('data', onData).off('end', onEnd).off('error', settle).off('close', onClose);
      to.off('drain', onDrain).off('error', settle).off('close', onClose);
      if (error) reject(error);
      else resolve();
    };
    const onEnd = (): void => {
      if (end) to.end();
      settle();
    };
    const onClose = (): void => settle(new Error('closed before its end'));

    if (from.destroyed && !from.readableEnded) return settle(new Error('closed before its end'));
    if (to.destroyed) return settle(new Error('closed before its end'));
    to.on('drain', onDrain).on('error', settle).on('close', onClose);
    from.on('data', onData).on('end', onEnd).on('error', settle).on('close', onClose);
    from.resume();
  });
}

export function closed(duplex: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (duplex.destroyed) resolve();
    else duplex.once('close', resolve);
  });
}
