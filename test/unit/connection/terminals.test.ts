import assert from 'node:assert/strict';
import test from 'node:test';
import { mayRepeat } from '../../../client/connection/repeat.ts';
import { Terminals, type TerminalEnd } from '../../../client/connection/terminals.ts';
import { CodexError } from '../../../protocol/errors.ts';
import type { MethodName, ParamsIn, ResultOf } from '../../../protocol/rpc.ts';

function world() {
  const sent: { method: MethodName; params: unknown; answer: () => void }[] = [];
  const terminals = new Terminals(
    <M extends MethodName>(method: M, params: ParamsIn<M>) =>
      new Promise<ResultOf<M>>((resolve) =>
        sent.push({ method, params, answer: () => resolve({} as ResultOf<M>) }),
      ),
  );
  const heard: string[] = [];
  const ends: TerminalEnd[] = [];
  const listener = {
    onOutput: (bytes: Uint8Array) => void heard.push(Buffer.from(bytes).toString('latin1')),
    onEnd: (reason: TerminalEnd) => void ends.push(reason),
  };
  return { sent, terminals, heard, ends, listener };
}

const data = (text: string) => Buffer.from(text, 'latin1').toString('base64');
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what was printed before the answer that names the terminal is not lost', async () => {
  const { terminals, heard, ends, listener } = world();
  await terminals.open(async () => {
    terminals.output({ terminalId: 't', data: data('first \xff') });
    terminals.ended({ terminalId: 't', exitCode: 0, reason: 'exited' });
    return { terminalId: 't' };
  }, listener);
  terminals.output({ terminalId: 't', data: data('after its end') });
  assert.deepEqual([heard, ends], [['first \xff'], ['exited']]);
});

test('what is typed goes in order, each piece after the answer to the one before', async () => {
  const { terminals, sent, listener } = world();
  const terminal = await terminals.open(async () => ({ terminalId: 't' }), listener);
  void terminal.write(Buffer.alloc(40_000, 'a'));
  void terminal.write(Buffer.from('b'));
  const pieces: string[] = [];
  for (let count = 1; count <= 3; count++) {
    await turn();
    assert.equal(sent.length, count);
    const last = sent.at(-1);
    pieces.push(Buffer.from((last?.params as { data: string }).data, 'base64').toString());
    last?.answer();
  }
  assert.equal(pieces.join(''), `${'a'.repeat(40_000)}b`);
});

test('a lost socket ends its terminals, and nothing more is sent for them', async () => {
  const { terminals, sent, ends, listener } = world();
  const terminal = await terminals.open(async () => ({ terminalId: 't' }), listener);
  terminals.lost();
  await terminal.write(Buffer.from('x'));
  terminal.resize(80, 24);
  terminal.close();
  assert.deepEqual([ends, sent], [['lost'], []]);
});

test('neither a terminal nor what is typed is ever sent twice', () => {
  const lost = new CodexError('backendUnreachable');
  assert.equal(mayRepeat('terminal.open', lost), false);
  assert.equal(mayRepeat('terminal.write', lost), false);
  assert.equal(mayRepeat('task.get', lost), true);
});
