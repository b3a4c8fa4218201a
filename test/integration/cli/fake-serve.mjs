/** Stands in for `codex-tasks serve`: the port file, the proof, standard input; and ways to fail. */
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const data = process.argv[process.argv.indexOf('--data') + 1];
const mode = process.env.FAKE_MODE ?? 'ok';
if (mode === 'dies') {
  console.error('it is broken in a way that only its log tells');
  process.exit(3);
}
if (mode === 'busy') process.exit(75);
const token = mode === 'impostor' ? 'guessed' : readFileSync(join(data, 'token'), 'utf8').trim();
const seen = [];
const server = createServer((request, response) => {
  seen.push({ url: request.url, authorization: request.headers.authorization ?? null });
  writeFileSync(join(data, 'seen.json'), JSON.stringify(seen));
  const nonce = new URL(request.url, 'http://x').searchParams.get('nonce');
  response.end(JSON.stringify({ proof: createHmac('sha256', token).update(nonce).digest('hex') }));
});
server.listen(0, '127.0.0.1', async () => {
  let key = '';
  if (process.argv.includes('--key-stdin')) for await (const chunk of process.stdin) key += chunk;
  writeFileSync(
    join(data, 'started.json'),
    JSON.stringify({ args: process.argv.slice(2), key, hasKeyInEnv: 'OPENAI_API_KEY' in process.env }),
  );
  if (mode === 'silent') return;
  const file = {
    pid: process.pid,
    port: server.address().port,
    version: '1.2.3',
    nonce: 'n',
    startedAt: Date.now(),
  };
  writeFileSync(join(data, 'backend.json'), JSON.stringify(file), { mode: 0o600 });
});
process.on('SIGTERM', () => process.exit(0));
