/**
 * Values that commands print, files hold and programs ask the internet for, in all forms and cut in all
 * places: none comes to the model, to a client, into the database, a log, a download, or a result.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PATHS } from '../../../protocol/http.ts';
import { DEFAULT_AGENT_ACCESS, DEFAULT_SETUP_ACCESS } from '../../../protocol/egress.ts';
import { gitBytes, removeFolder } from '../../support/git.ts';
import { filesWith, formsIn, newPlainValue, newValue } from './oracle.ts';
import { makeRepository } from './repository.ts';
import { foundIn, logOf, printed, startWorld, type Ended, type World } from './world.ts';

const MARK = '[secret NEEDLE]';
/** Lines that `say.py` prints, each with the value in it. */
const SAID = 20;
const ALLOWED = '/root/allowed';
const INTERNET = { agent: DEFAULT_AGENT_ACCESS, setup: DEFAULT_SETUP_ACCESS };

const SETUP = [
  `printf %s "$NEEDLE" > ${ALLOWED}`,
  `python3 say.py ${ALLOWED}`,
  'set -x; : "$NEEDLE"; set +x',
  'printf "# For agents\\n\\nThe token is %s.\\n" "$NEEDLE" > AGENTS.md',
  'curl -sS --max-time 5 "http://$PLAIN.needle.test/" -H "x: $NEEDLE" || true',
  'curl -sS --max-time 5 "https://$PLAIN.needle.test/" || true',
  'echo "no such host: $(printf %s "$PLAIN" | tr A-Z a-z).needle.test"',
].join('\n');

/** What an agent makes of a value that it may read, as files of a result. */
const RESULT: Record<string, string> = {
  'text.txt': `cp ${ALLOWED} text.txt`,
  'deep/binary.bin': `mkdir deep; (head -c 3000 /dev/urandom; cat ${ALLOWED}; head -c 3000 /dev/urandom) > deep/binary.bin`,
  'utf16.txt': `iconv -t utf-16 < ${ALLOWED} > utf16.txt`,
  link: `ln -s "$(base64 -w0 < ${ALLOWED})" link`,
  'name-[secret NEEDLE]': `: > "name-$(python3 -c 'print(open("${ALLOWED}").read().encode().hex())' | head -c 200)"; echo x > "name-$(python3 -c 'print(open("${ALLOWED}").read().encode().hex())')"`,
  'moved.md': `git mv README.md moved.md; base64 ${ALLOWED} >> moved.md`,
  'run.sh': `printf 'T=%q\\n' "$(cat ${ALLOWED})" > run.sh; chmod +x run.sh`,
};

describe('what is stored, shown and sent', { timeout: 170_000 }, () => {
  const value = newValue();
  /** As a host's name can have it. */
  const plain = newPlainValue();
  const secrets = { NEEDLE: value, PLAIN: plain };
  let world: World;
  let folder: string;
  let told: Ended;
  let result: Ended;
  let failed: Ended;
  let downloads: Record<string, string>;
  const typed: string[] = [];

  before(async () => {
    world = await startWorld();
    folder = makeRepository();
    await world.put(
      {
        name: 'told',
        internet: INTERNET,
        setup: SETUP,
        allowSecretsIn: [ALLOWED, '/workspace/project/AGENTS.md'],
      },
      secrets,
    );
    const say = `$ python3 say.py ${ALLOWED}`;
    const cut = `$ for n in 1 5 9 13; do head -c $n ${ALLOWED}; sleep 0.12; tail -c +$((n + 1)) ${ALLOWED}; echo; done`;
    told = await world.run({
      environment: 'told',
      folder,
      prompt: `${say}\n${cut}\n$ cat ${ALLOWED} AGENTS.md; exit 3\n$ cat ${ALLOWED}`,
    });
    const make = Object.values(RESULT).map((command) => `$ ${command}`);
    result = await world.run({ environment: 'told', folder, prompt: make.join('\n') });

    // The command's text is cut in the middle of the value.
    const script = `echo before; echo "$NEEDLE"\neval "bash -c 'exit 5' ${'x'.repeat(262)} \\"\\$NEEDLE\\" $PLAIN"`;
    await world.put({ name: 'failed', setup: script }, secrets);
    failed = await world.run({ environment: 'failed', folder, prompt: '$ true' });

    const { taskId } = told;
    downloads = {
      log: (await world.download(logOf(told))).body.toString('utf8'),
      egress: (await world.download(PATHS.egress(taskId))).body.toString('utf8'),
      listed: JSON.stringify([
        await world.one.call('task.egress', { taskId }),
        await world.one.call('task.get', { taskId }),
        await world.one.call('task.get', { taskId: failed.taskId }),
        await world.one.call('task.list', {}),
        await world.one.call('secret.list', { environment: 'told' }),
        await world.one.call('environment.list', {}),
      ]),
      failedLog: (await world.download(logOf(failed))).body.toString('utf8'),
    };
    typed.push(await inTerminal(world, failed));
    await world.stop();
  });
  after(async () => {
    await world.end();
    removeFolder(folder);
  });

  const never = (text: string): void => {
    for (const secret of Object.values(secrets)) assert.deepEqual(formsIn(text, secret), []);
  };
  const marks = (text: string, mark = MARK): number => text.split(mark).length - 1;

  test('a setup that prints it in all forms', () => {
    assert.equal(told.state, 'completed', JSON.stringify(told.events.at(-1)));
    const text = printed(told.events, 'setup');
    assert.ok(marks(text) >= SAID, text);
    never(text);
  });

  test('an agent that prints it in all forms, cut in all places', () => {
    const text = printed(told.events, 'agent');
    assert.ok(marks(text) >= SAID + 7, text);
    never(text);
  });

  test('requests to the model: outputs, and what the repository tells agents', () => {
    const asked = JSON.stringify([...world.model.requests, ...world.model.titles].map(({ body }) => body));
    assert.match(asked, /The token is \[secret NEEDLE\]\./);
    assert.ok(marks(asked) >= SAID);
    never(asked);
  });

  test('every message that a client heard, deltas and progress too', () => {
    const heard = world.heard.join('\n');
    assert.ok(marks(heard) >= 2 * SAID);
    assert.match(heard, /"delta"/);
    never(heard);
  });

  test('the answer', () => {
    const end = told.events.at(-1);
    assert.equal(end?.code, 'turn.finished');
    assert.ok(marks(JSON.stringify(end)) >= 1, JSON.stringify(end));
  });

  for (const what of ['log', 'egress', 'listed', 'failedLog'] as const) {
    test(`downloads and lists: ${what}`, () => {
      assert.match(downloads[what] ?? '', /\[secret (NEEDLE|PLAIN)\]/);
      never(downloads[what] ?? '');
    });
  }

  test('names that programs ask the internet for', () => {
    const lines = downloads['egress']?.trim().split('\n') ?? [];
    assert.equal(lines.filter((line) => /\.needle\.test/.test(line)).length, 2, lines.join('\n'));
    assert.equal(marks(lines.join('\n'), '[secret PLAIN].needle.test'), 2, lines.join('\n'));
    assert.match(printed(told.events, 'setup'), /no such host: \[secret PLAIN\]\.needle/);
  });

  test('the failure of a script: its command, cut or not, and the last lines', () => {
    assert.equal(failed.error, 'setupFailed');
    const end = JSON.stringify(failed.events.at(-1));
    assert.match(end, /"exitCode":5/);
    assert.match(end, /x{262} .{9,12} \[secret/);
    assert.equal(marks(end), 1, end);
    never(end);
    assert.ok(!end.includes(plain.slice(0, 9)), end);
  });

  test('a terminal in a failed setup’s sandbox: no process there has it', () => {
    for (const hunt of ['environ', 'cmdline', 'fd', 'env', 'mem', 'ptrace'])
      assert.match(typed.join(''), new RegExp(`${hunt}: 0\r?\n`), typed.join(''));
  });

  for (const path of Object.keys(RESULT)) {
    test(`a result: ${path}`, () => {
      assert.equal(result.error, 'secretInPatch', JSON.stringify(result.events.at(-1)));
      assert.ok(foundIn(result.events).includes(path), foundIn(result.events).join('\n'));
    });
  }

  test('a result that was withheld: no download, no object in the repository', () => {
    const repositories = join(world.dataDir, 'repos');
    const [repository] = [...new Set(gitDirs(repositories))];
    const args = ['cat-file', '--batch-all-objects', '--batch', '--unordered'];
    const objects = gitBytes(repository ?? '', args);
    assert.ok(objects.includes('# Project'));
    assert.deepEqual(formsIn(objects, value), []);
    assert.ok(!world.heard.join('').includes('patch.ready'));
  });

  test('files of the backend: database and its log, repositories, everything', async () => {
    assert.deepEqual(await filesWith(world.dataDir, value), []);
    assert.deepEqual(await filesWith(world.dataDir, plain), []);
  });

  test('the backend’s log, with everything that it can say', () => {
    assert.ok(world.logged.length > 0);
    never(world.logged.join('\n'));
  });
});

/** Types a hunt into the sandbox of a turn that has ended. */
async function inTerminal({ one }: World, { taskId }: Ended): Promise<string> {
  const { terminalId } = await one.call('terminal.open', { taskId, columns: 200, rows: 50 });
  const text = (): string =>
    one.notified
      .flatMap(([name, params]) => (name === 'terminal.output' ? [(params as { data: string }).data] : []))
      .map((data) => Buffer.from(data, 'base64').toString('utf8'))
      .join('');
  const data = Buffer.from('python3 hunt.py environ cmdline fd env mem ptrace; exit\n').toString('base64');
  await one.call('terminal.write', { terminalId, data });
  const until = Date.now() + 30_000;
  while (!one.notified.some(([name]) => name === 'terminal.ended') && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return text();
}

function gitDirs(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.git'))
    .map((name) => join(folder, name));
}
