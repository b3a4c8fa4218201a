import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wireError } from '../../../protocol/errors.ts';
import { BACKOFF_LONGEST_MS, backoffMs, isFinal, next } from '../../../client/connection/state.ts';
import type { ConnectionState, Hello } from '../../../client/connection/types.ts';

const reason = wireError('backendUnreachable');
const hello: Hello = {
  protocol: 1,
  server: { name: 'codex-tasks', version: '0', id: 'x' },
  sandbox: { kind: 'none', detail: '' },
  model: { name: '', configured: false, scripted: false },
};

describe('the state of a connection', () => {
  it('waits longer after each failure, and from the start again after a success', () => {
    let state: ConnectionState = next({ kind: 'idle' }, { kind: 'connect' });
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      state = next(state, { kind: 'lost', reason, random: 0 });
      assert.equal(state.kind, 'awaitingRetry');
      waits.push(state.kind === 'awaitingRetry' ? state.delayMs : -1);
      state = next(state, { kind: 'connect' });
    }
    assert.deepEqual(waits.slice(0, 4), [250, 500, 1_000, 2_000]);
    assert.equal(waits.at(-1), BACKOFF_LONGEST_MS);
    state = next(next(state, { kind: 'greeted', hello }), { kind: 'lost', reason, random: 0 });
    assert.equal(state.kind === 'awaitingRetry' && state.delayMs, 250);
  });

  it('spreads clients by jitter, never past the longest wait', () => {
    assert.ok(backoffMs(1, 0.99) > backoffMs(1, 0));
    assert.equal(backoffMs(5_000, 0.99), BACKOFF_LONGEST_MS);
  });

  it('a refusal stays until a person asks to connect again', () => {
    const refused = next(
      { kind: 'connecting', failures: 3 },
      { kind: 'refused', error: wireError('unauthorized') },
    );
    assert.equal(refused.kind, 'refused');
    assert.equal(next(refused, { kind: 'lost', reason, random: 0 }), refused);
    assert.deepEqual(next(refused, { kind: 'connect' }), { kind: 'connecting', failures: 0 });
  });

  it('closed is for good', () => {
    const closed = next({ kind: 'connected', hello }, { kind: 'close' });
    assert.equal(next(closed, { kind: 'connect' }), closed);
    assert.equal(next(closed, { kind: 'greeted', hello }), closed);
  });

  it('only what a retry cannot mend is final', () => {
    assert.deepEqual(
      (['unauthorized', 'protocolTooOld', 'shuttingDown', 'internal'] as const).map((code) =>
        isFinal(wireError(code)),
      ),
      [true, true, false, false],
    );
  });
});
