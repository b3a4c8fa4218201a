/** What a server is sent of its connection, whichever way the request goes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { openModels } from '../../../server/model/directory.ts';
import type { ModelConnection } from '../../../server/model/connections.ts';

const TEAM = 'needle-of-the-team';
const seen: { how: string; headers: IncomingHttpHeaders }[] = [];
const server = createServer((request, response: ServerResponse) => {
  request.resume();
  seen.push({ how: `${request.method} ${request.url}`, headers: request.headers });
  response.writeHead(400, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ error: { message: `Not with ${JSON.stringify(request.headers)}`, code: 'x' } }),
  );
});
server.on('upgrade', (request, socket) => {
  seen.push({ how: 'upgrade', headers: request.headers });
  socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n');
});

let url = '';
before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
beforeEach(() => void seen.splice(0));
after(() => {
  server.closeAllConnections();
  server.close();
});

/** The error of a request to a server that refuses everything. */
async function ask(settings: Partial<ModelConnection['settings']>): Promise<CodexError> {
  const connection = {
    name: 'lab',
    settings: {
      apiKey: '',
      baseUrl: url,
      organization: 'org_1',
      project: 'proj_1',
      headers: { 'X-Team': TEAM },
      ...settings,
    },
    models: [{ name: 'x' }],
    asksServer: false,
    takesAny: false,
  };
  const client = await openModels([connection], { wrong: (reason) => new Error(reason) }).clientFor(null);
  const request = {
    instructions: 'x',
    input: [{ role: 'user' as const, content: 'x' }],
    tools: [],
    cacheKey: 'k',
  };
  return client.respond(request, {}, new AbortController().signal).then(
    () => assert.fail('it refuses everything'),
    (error: unknown) => {
      assert.ok(error instanceof CodexError);
      return error;
    },
  );
}

const WAYS = [
  ['sse', { wire: 'responses', transport: 'sse' }, 'POST /v1/responses'],
  ['a WebSocket', { wire: 'responses', transport: 'webSocket' }, 'upgrade'],
  ['Chat Completions', { wire: 'chat' }, 'POST /v1/chat/completions'],
] as const;
for (const [name, way, how] of WAYS) {
  test(`over ${name} the connection's headers go along, and the key as a bearer token`, async () => {
    await ask({ ...way, apiKey: 'key-of-the-lab' });
    const headers = seen.find((one) => one.how === how)?.headers;
    assert.ok(headers, seen.map((one) => one.how).join());
    assert.deepEqual(
      [headers.authorization, headers['x-team'], headers['openai-organization'], headers['openai-project']],
      ['Bearer key-of-the-lab', TEAM, 'org_1', 'proj_1'],
    );
  });

  test(`over ${name} a server that wants no key gets none, or what a header of the owner's says`, async () => {
    await ask(way);
    const headers = seen.find((one) => one.how === how)?.headers;
    assert.ok(headers);
    assert.equal(headers.authorization, undefined);
    seen.splice(0);
    await ask({ ...way, headers: { Authorization: 'Basic abc' } });
    assert.equal(seen.find((one) => one.how === how)?.headers.authorization, 'Basic abc');
  });

  test(`what a server quotes over ${name} is not in the error`, async () => {
    const error = await ask({ ...way, apiKey: 'key-of-the-lab' });
    assert.match(String(error.wire.params['message']), /Not with/);
    assert.doesNotMatch(JSON.stringify(error.wire), /needle|key-of-the-lab/);
  });
}
