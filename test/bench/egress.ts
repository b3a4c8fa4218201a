/**
 * The way out's speed, as `name value unit budget`: throughput through a door (an HTTP/2 session, as
 * the runner's) and the proxy, plain and intercepted, what interception adds to a request on a
 * connection that is open, and 200 tunnels at once. Beside squid where that can be had (Debian, root).
 *
 * Server, sandbox and client are processes of their own (`egress-peers.lib.ts`), as in life.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DOOR_SESSION_MEMORY_MB,
  DOOR_SESSION_WINDOW_BYTES,
  DOOR_STREAM_WINDOW_BYTES,
} from '../../protocol/door.ts';
import { DEFAULT_AGENT_ACCESS } from '../../protocol/egress.ts';
import {
  makeAuthority,
  makeLeaf,
  makeLeafKey,
  readAuthority,
} from '../../server/egress/authority/certificates.ts';
import { openAuthority } from '../../server/egress/authority/index.ts';
import { createEgress } from '../../server/egress/proxy/index.ts';
import type { EgressTask } from '../../server/egress/proxy/index.ts';
import { startPeer } from './egress-peers.lib.ts';
import { startSquid } from './egress-squid.lib.ts';

const HOST = 'www.example.test';
const BULK_BYTES = 300_000_000;
const REQUESTS = 300;
const TUNNELS = 200;
const RUNS = 3;
const CAPS = { connections: 1_000, bytes: 1e15, bytesPerSecond: 1e12 };

const dir = mkdtempSync(join(tmpdir(), 'codex-tasks-bench-'));
const ends: (() => void)[] = [() => rmSync(dir, { recursive: true, force: true })];

try {
  const ca = await makeAuthority();
  const key = await makeLeafKey();
  const cert = await makeLeaf(await readAuthority(ca.key, ca.certificate), key, HOST);
  const serverCa = join(dir, 'server-ca.pem');
  writeFileSync(serverCa, ca.certificate);
  writeFileSync(join(dir, 'server.json'), JSON.stringify({ key: key.pem, cert }));
  const authority = await openAuthority(join(dir, 'authority'));
  const authorityFile = join(dir, 'authority', 'authority.crt.pem');

  const server = await startPeer('server', [join(dir, 'server.json')]);
  const sandbox = await startPeer('sandbox', []);
  ends.push(server.end, sandbox.end);
  const port = Number(server.said);
  const [doorPort = 0, proxyPort = 0] = sandbox.said.split(' ').map(Number);

  const open = (intercept: 'whenNeeded' | 'always'): EgressTask =>
    createEgress({
      authority,
      owner: { allowPrivate: [{ host: HOST, cidr: '127.0.0.1/32' }], extraCa: serverCa, intercept },
      log: () => {},
      resolve: () => Promise.resolve(['127.0.0.1']),
    }).openTask({
      taskId: 'bench',
      attempt: 1,
      phase: 'agent',
      policy: { ...DEFAULT_AGENT_ACCESS, access: 'on', allow: [`${HOST}:${port}`] },
      caps: CAPS,
    });
  const tasks = { plain: open('whenNeeded'), intercepted: open('always') };
  ends.push(
    () => tasks.plain.close(),
    () => tasks.intercepted.close(),
  );
  let current = tasks.plain;
  ends.push(await openDoor(doorPort, () => current));

  const measure = async (what: string, proxy: number, trust: string): Promise<number[]> => {
    const job = {
      what,
      proxy,
      port,
      host: HOST,
      trust,
      bytes: BULK_BYTES,
      requests: REQUESTS,
      tunnels: TUNNELS,
    };
    const client = await startPeer('client', [JSON.stringify(job)]);
    client.end();
    return client.said.split(' ').map(Number);
  };
  const best = async (what: string, proxy: number, trust: string): Promise<number> => {
    const values: number[] = [];
    for (let at = 0; at < RUNS; at++) values.push((await measure(what, proxy, trust))[0] ?? NaN);
    return values.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? NaN;
  };

  const direct = await best('request', 0, serverCa);
  print('egress.direct.throughput', await best('bulk', 0, serverCa), 'MB/s', '-');
  for (const [name, task, trust, least] of [
    ['plain', tasks.plain, serverCa, 150],
    ['intercepted', tasks.intercepted, authorityFile, 100],
  ] as const) {
    current = task;
    print(`egress.${name}.throughput`, await best('bulk', proxyPort, trust), 'MB/s', `>=${least}`);
    print(`egress.${name}.added_latency_p50`, (await best('request', proxyPort, trust)) - direct, 'ms', '3');
    print(`egress.${name}.tunnels_200`, await best('tunnels', proxyPort, trust), 'ms', '-');
  }

  const squid = await startSquid(dir, serverCa, HOST, port);
  if (squid === null) {
    console.log('! squid is not measured: it takes root on Debian, and its package squid-openssl');
  } else {
    ends.push(squid.end);
    for (const [name, proxy, trust] of [
      ['plain', squid.plainPort, serverCa],
      ['intercepted', squid.interceptPort, squid.trust],
    ] as const) {
      print(`squid.${name}.throughput`, await best('bulk', proxy, trust), 'MB/s', '-');
      print(`squid.${name}.added_latency_p50`, (await best('request', proxy, trust)) - direct, 'ms', '-');
      print(`squid.${name}.tunnels_200`, await best('tunnels', proxy, trust), 'ms', '-');
    }
  }
} finally {
  for (const end of ends.reverse()) end();
}

/** Streams on which the sandbox hands over its connections, as the door has them. */
async function openDoor(port: number, task: () => EgressTask): Promise<() => void> {
  const channel = connectTcp({ host: '127.0.0.1', port, noDelay: true });
  await once(channel, 'connect');
  const session = connectHttp2('http://door', {
    createConnection: () => channel,
    settings: { initialWindowSize: DOOR_STREAM_WINDOW_BYTES, enablePush: false },
    maxSessionMemory: DOOR_SESSION_MEMORY_MB,
  });
  session.on('error', () => {});
  session.once('connect', () => session.setLocalWindowSize(DOOR_SESSION_WINDOW_BYTES));
  const accept = (): void => {
    if (session.destroyed || session.closed) return;
    const stream = session.request({ ':method': 'POST', ':path': '/accept' });
    stream.on('error', () => {});
    stream.once('response', () => {
      accept();
      task().accept(stream);
    });
  };
  for (let at = 0; at < 16; at++) accept();
  return () => session.destroy();
}

function print(name: string, value: number, unit: string, budget: string): void {
  console.log(`${name} ${value.toFixed(2)} ${unit} ${budget}`);
}
