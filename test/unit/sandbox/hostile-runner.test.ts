/** What a runner may not do to the backend: each answer that no honest one gives ends the door. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { performServerHandshake } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import type { Door } from '../../../server/sandbox/door.ts';
import { DoorBroken, DoorRefused, openDoor } from '../../../server/sandbox/door.ts';

const cleanUps: (() => void)[] = [];
after(() => cleanUps.forEach((cleanUp) => cleanUp()));

const SPEC = { argv: ['true'], cwd: '/', env: {}, timeoutMs: 1_000, maxOutputBytes: 1_000 };

async function runnerThat(serve: (socket: Socket) => void): Promise<Socket> {
  const dir = mkdtempSync(join(tmpdir(), 'codex-tasks-test-'));
  const server = createServer(serve).listen(join(dir, 's'));
  await once(server, 'listening');
  const socket = connect(join(dir, 's'));
  cleanUps.push(() => {
    socket.destroy();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return socket;
}

/** Welcomes, then answers every request so. */
async function doorThat(answer: (stream: ServerHttp2Stream) => void): Promise<Door> {
  const socket = await runnerThat((end) => {
    end.on('error', () => {});
    end.once('data', () => {
      end.write('{"ok":true,"door":1,"generation":1}\n');
      const session = performServerHandshake(end);
      session.on('error', () => {});
      session.on('stream', (stream) => {
        stream.on('error', () => {});
        answer(stream);
      });
    });
  });
  return openDoor(socket, { door: 1, generation: 1 });
}

const welcomes: Record<string, string> = {
  'that is no JSON': 'HTTP/1.1 400 Bad Request\n',
  'of the wrong shape': '{"ok":"yes"}\n',
  'without an end': 'x'.repeat(4_000),
};
for (const [what, text] of Object.entries(welcomes)) {
  test(`a welcome ${what} is refused`, async () => {
    const socket = await runnerThat((end) => end.on('error', () => {}).write(text));
    await assert.rejects(openDoor(socket, { door: 1, generation: 1 }), DoorBroken);
    assert.equal(socket.destroyed, true);
  });
}

test('a refusal says why', async () => {
  const socket = await runnerThat((end) =>
    end.end('{"ok":false,"reason":"superseded","door":1,"generation":9}\n'),
  );
  await assert.rejects(
    openDoor(socket, { door: 1, generation: 1 }),
    (error) => error instanceof DoorRefused && error.reason === 'superseded',
  );
});

test('a door may be closed as soon as it is open', async () => {
  // The welcome and the first frames arrive in one piece.
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const welcome = Buffer.from('{"ok":true,"door":1,"generation":1}\n');
  for (let round = 0; round < 20; round++) {
    const socket = await runnerThat(
      (end) => void end.on('error', () => {}).write(Buffer.concat([welcome, settings])),
    );
    const door = await openDoor(socket, { door: 1, generation: 1 });
    door.close();
    await door.closed;
  }
});

test('a result that is malformed, or missing, ends the door', async () => {
  for (const trailer of ['{"end":"exited","exitCode":"0"}', 'null', '%', '']) {
    const door = await doorThat((stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'x-result': trailer }));
      stream.end('output');
    });
    await assert.rejects(
      door.command('c', SPEC, 0, () => {}),
      DoorBroken,
    );
    await door.closed;
  }
});

test('an answer that never stops is cut', async () => {
  const door = await doorThat((stream) => {
    stream.respond({ ':status': 200 });
    const flood = (): void => {
      if (!stream.destroyed) stream.write(Buffer.alloc(65_536), () => flood());
    };
    flood();
  });
  await assert.rejects(door.commandState('c'), DoorBroken);
  await door.closed;
});

test('a file longer than asked for ends the door', async () => {
  const door = await doorThat((stream) => {
    stream.respond({ ':status': 200 });
    stream.end(Buffer.alloc(101));
  });
  await assert.rejects(door.getFile('/a', 100), DoorBroken);
});

test('a capture whose tree is no object name ends the door', async () => {
  const door = await doorThat((stream) => {
    stream.respond({ ':status': 200, 'x-tree': '--upload-pack=evil', 'x-ignored': '0' });
    stream.end();
  });
  await assert.rejects(door.capture({ workdir: '/w', base: 'a'.repeat(40) }), DoorBroken);
});

test('a failure of the runner’s is an error with its code', async () => {
  const door = await doorThat((stream) => {
    stream.respond({ ':status': 500 });
    stream.end('{"reason":"gitFailed","detail":"no"}');
  });
  await assert.rejects(door.stopAll(), (error) => error instanceof CodexError && error.code === 'gitFailed');
  door.close();
});
