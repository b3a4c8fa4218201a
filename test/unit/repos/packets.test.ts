import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import {
  PacketError,
  ServerSays,
  packets,
  readAdvertisement,
  readPack,
  readRefList,
  readReport,
} from '../../../server/repos/packets.ts';
import { packet } from '../../../server/repos/pkt-line.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const nobody = () => {};

/** In pieces of `size` bytes, as a network might bring it. */
async function* pieces(text: string, size = 7): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}

const is = (how: PacketError['how']) => (thrown: unknown) =>
  thrown instanceof PacketError && thrown.how === how;

describe('packets from a server', () => {
  test('are the same in whatever pieces they come', async () => {
    const text = `${packet('one\n')}0000${packet('')}0001${packet('größe')}0002`;
    for (const size of [1, 2, 3, 5, 100]) {
      const read = (await all(packets(pieces(text, size)))).map(String);
      assert.deepEqual(read, ['one\n', 'flush', '', 'delimiter', 'größe', 'end']);
    }
  });

  test('that are none, too long or cut are told apart', async () => {
    await assert.rejects(all(packets(pieces('<html>'))), is('malformed'));
    await assert.rejects(all(packets(pieces('0003'))), is('malformed'));
    await assert.rejects(all(packets(pieces('fff1'))), is('malformed'));
    await assert.rejects(all(packets(pieces(packet('one').slice(0, -1)))), is('cut'));
    await assert.rejects(all(packets(pieces(packet('ERR not today\n')))), (thrown) => {
      return thrown instanceof ServerSays && thrown.message === 'not today';
    });
  });
});

describe('the list of refs', () => {
  const service = `${packet('# service=git-receive-pack\n')}0000`;

  test('of version 0, with what the server can and has besides', async () => {
    const at = await readAdvertisement(
      pieces(
        `${service}${packet(`${A} refs/heads/größe\0report-status agent=x=y object-format=sha1\n`)}${packet(`${B} refs/tags/v1\n`)}${packet(`${A} refs/tags/v1^{}\n`)}${packet(`${B} .have\n`)}0000`,
      ),
    );
    assert.equal(at.version, 0);
    assert.deepEqual(
      [...at.refs],
      [
        ['refs/heads/größe', A],
        ['refs/tags/v1', B],
      ],
    );
    assert.deepEqual(at.extra, [B]);
    assert.deepEqual([at.capabilities.get('agent'), at.capabilities.get('report-status')], ['x=y', '']);
  });

  test('of an empty repository', async () => {
    const line = packet(`${'0'.repeat(40)} capabilities^{}\0report-status\n`);
    assert.deepEqual([...(await readAdvertisement(pieces(`${service}${line}0000`))).refs], []);
    assert.deepEqual([...(await readAdvertisement(pieces(`${service}0000`))).refs], []);
  });

  test('of version 2, with and without the line in front', async () => {
    const text = `${packet('version 2\n')}${packet('ls-refs=unborn\n')}${packet('object-format=sha256\n')}0000`;
    for (const front of ['', service]) {
      const at = await readAdvertisement(pieces(front + text));
      assert.deepEqual([at.version, at.capabilities.get('object-format')], [2, 'sha256']);
    }
    const list = await readRefList(
      pieces(`${packet(`${A} HEAD symref-target:refs/heads/x\n`)}${packet('unborn HEAD\n')}0000`),
    );
    assert.deepEqual([...list], [['HEAD', A]]);
  });

  test('that is cut or something else', async () => {
    await assert.rejects(readAdvertisement(pieces(service)), is('cut'));
    await assert.rejects(readAdvertisement(pieces('')), is('cut'));
    await assert.rejects(readAdvertisement(pieces(`${packet('hello')}0000`)), is('malformed'));
    await assert.rejects(readRefList(pieces(packet(`${A} HEAD`))), is('cut'));
  });
});

describe('the answer to a fetch', () => {
  test('is the pack, without what is said beside it', async () => {
    const said: string[] = [];
    const bands = `${packet('\x02Counting\n')}${packet('\x01PACK')}${packet('\x01rest')}0000`;
    const read = (text: string, version: 0 | 2) =>
      all(readPack(pieces(text), version, (text) => said.push(text.toString('utf8')))).then((parts) =>
        Buffer.concat(parts).toString(),
      );
    assert.equal(await read(packet('packfile\n') + bands, 2), 'PACKrest');
    assert.equal(await read(packet('NAK\n') + bands, 0), 'PACKrest');
    assert.equal(await read(packet(`ACK ${A}\n`) + bands, 0), 'PACKrest');
    assert.equal(said.join(''), 'Counting\n'.repeat(3));
  });

  test('that breaks off is no pack', async () => {
    await assert.rejects(
      all(readPack(pieces(`${packet('packfile\n')}${packet('\x01PACK')}`), 2, nobody)),
      is('cut'),
    );
    await assert.rejects(all(readPack(pieces(packet('\x03no memory')), 0, nobody)), ServerSays);
    await assert.rejects(all(readPack(pieces(packet('shallow-info\n')), 2, nobody)), is('malformed'));
  });
});

describe('the report of a push', () => {
  const report = `${packet('unpack ok\n')}${packet('ng refs/heads/x hook declined\n')}${packet('ok refs/heads/y\n')}0000`;

  test('is read with bands and without', async () => {
    const said: string[] = [];
    const say = (text: Buffer) => said.push(text.toString('utf8'));
    const half = report.slice(0, 20);
    const banded = `${packet('\x02no\n')}${packet(`\x01${half}`)}${packet(`\x01${report.slice(20)}`)}0000`;
    for (const read of [
      await readReport(pieces(banded), true, say),
      await readReport(pieces(report), false, say),
    ]) {
      assert.equal(read.unpack, 'ok');
      assert.deepEqual(
        [...read.refs],
        [
          ['refs/heads/x', { ok: false, reason: 'hook declined' }],
          ['refs/heads/y', { ok: true }],
        ],
      );
    }
    assert.deepEqual(said, ['no\n']);
  });

  test('that is missing or cut is no success', async () => {
    await assert.rejects(readReport(pieces(''), true, nobody), is('cut'));
    await assert.rejects(readReport(pieces('0000'), true, nobody), is('cut'));
    await assert.rejects(readReport(pieces('0000'), false, nobody), is('malformed'));
    await assert.rejects(readReport(pieces(packet('\x02…')), true, nobody), is('cut'));
  });
});
