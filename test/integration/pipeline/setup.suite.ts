/** What a setup does and does not do, the same for every kind of sandbox. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { createRedactor } from '../../../server/secrets/redactor.ts';
import type { SandboxKind } from '../../../server/sandbox/sandbox.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { openWorld, paramsOf, printed, type Ran, type World } from './world.ts';

const TOKEN = 'tok-5up3r-s3cr3t-value';

export function setupSuite(kind: SandboxKind): void {
  let world: World;
  let folder: string;

  before(async () => {
    world = await openWorld(kind);
    folder = temporaryFolder('setup-repo');
    initRepository(folder);
    write(folder, 'README.md', '# Project\n');
    write(folder, '.gitignore', 'installed/\n');
    commitAll(folder);
  });
  after(async () => {
    await world.close();
    removeFolder(folder);
  });

  const use = (more: Partial<Environment>, secrets = [{ name: 'TOKEN', id: 'one', value: TOKEN }]): void => {
    world.memory.environment = { ...defaultEnvironment(), ...more };
    world.memory.secrets = secrets;
    world.memory.prepared.clear();
  };
  const codeOf = ({ error }: Ran): string => (error instanceof CodexError ? error.code : String(error));
  const outcomes = (ran: Ran): string[] =>
    paramsOf(ran.events, 'environment.cache').map((one) => one.outcome);

  test('a script has secrets, variables and a session of its own; its files and ~/.bashrc stay', async () => {
    use({
      variables: { COLOUR: 'green' },
      setup: [
        'echo "token has ${#TOKEN} characters, colour $COLOUR"',
        'export GONE=1',
        `echo 'export STAYS=yes' >> ~/.bashrc`,
        'mkdir installed && echo tool > installed/tool',
        'echo leaked: $TOKEN $(printf %s "$TOKEN" | base64)',
      ].join('\n'),
    });
    const task = await world.newTask(folder);
    const ran = await world.run(task, {
      turn: 1,
      prompt:
        '$ echo "[$TOKEN][$GONE][$STAYS][$COLOUR]"; cat installed/tool; git status --short; cat /proc/*/environ | grep -ac 5up3r',
    });
    assert.equal(ran.error, null);
    assert.match(printed(ran.events, 'setup'), /token has 22 characters, colour green\n/);
    assert.match(printed(ran.events, 'setup'), /leaked: \[secret TOKEN\] \[secret TOKEN\]/);
    assert.match(printed(ran.events, 'agent'), /^\[\]\[\]\[yes\]\[green\]\ntool\n0\n/);
    assert.ok(!JSON.stringify(task).includes(TOKEN));
    assert.deepEqual(outcomes(ran), ['miss', 'stored']);
    assert.deepEqual(
      paramsOf(ran.events, 'phase.finished').map(({ phase, outcome }) => `${phase} ${outcome}`),
      ['setup ok', 'checkout ok', 'agent ok', 'patch ok'],
    );

    const second = await world.run(await world.newTask(folder), { turn: 1, prompt: '$ cat installed/tool' });
    assert.deepEqual(outcomes(second), ['hit']);
    assert.equal(printed(second.events, 'agent'), 'tool\n');
    assert.equal(paramsOf(second.events, 'sandbox.started')[0]?.how, 'prepared');
    const refs = await world.driver.list();
    assert.deepEqual(
      refs.filter(({ role }) => role === 'setup'),
      [],
    );
  });

  test('a failing script ends the turn with its line, exit code, last lines and what to try', async () => {
    use({ setup: 'echo first\nif true; then\n  ls /nonexistent-$TOKEN\nfi\necho never\n' });
    const task = await world.newTask(folder);
    const ran = await world.run(task, { turn: 1, prompt: '$ true' });
    assert.equal(codeOf(ran), 'setupFailed');
    const { params } = (ran.error as CodexError).wire;
    assert.equal(params['line'], 3);
    assert.equal(params['exitCode'], 2);
    assert.match(String(params['command']), /^ls \/nonexistent/);
    assert.match(String(params['tail']), /first\n.*\[secret TOKEN\]/);
    assert.ok(!JSON.stringify(task.events).includes(TOKEN));
    // It stays, stopped, to be looked at; a retry begins anew.
    const left = (await world.driver.list()).filter(({ taskId }) => taskId === task.id);
    assert.deepEqual(
      left.map(({ role, running }) => [role, running]),
      [['setup', false]],
    );
    use({ setup: 'echo mended > ~/mended' });
    const again = await world.run(task, { turn: 1, generation: 2, prompt: '$ cat ~/mended' });
    assert.equal(again.error, null);
    assert.equal(printed(again.events, 'agent'), 'mended\n');
  });

  test('a secret that is left in a file stops the turn, unless that file may hold it', async () => {
    use({ setup: 'printf "//registry/:_authToken=%s\\n" "$(printf %s "$TOKEN" | base64 -w0)" > ~/.npmrc' });
    const ran = await world.run(await world.newTask(folder), { turn: 1, prompt: '$ true' });
    assert.equal(codeOf(ran), 'secretInFiles');
    assert.match(paramsOf(ran.events, 'secret.found')[0]?.path ?? '', /\/\.npmrc$/);
    assert.equal(world.memory.prepared.size, 0);
    use({
      setup: world.memory.environment.setup ?? '',
      allowSecretsIn: ['~/.npmrc'],
    });
    const task = await world.newTask(folder);
    const fine = await world.run(task, {
      turn: 1,
      prompt: '$ wc -l < ~/.npmrc; cp ~/.npmrc stolen; cat ~/.npmrc',
    });
    // It may be there, and must not go further: not into the log, not to the model, not into a patch.
    assert.equal(codeOf(fine), 'secretInPatch');
    assert.ok(!JSON.stringify(task).includes(Buffer.from(TOKEN).toString('base64')));
    assert.equal(task.results.size, 0);
  });

  test('a branch that changes the setup runs it without secrets, and for itself alone', async () => {
    use({});
    const branch = temporaryFolder('setup-branch');
    try {
      initRepository(branch);
      write(branch, 'README.md', 'x\n');
      commitAll(branch);
      git(branch, ['checkout', '-q', '-b', 'theirs']);
      write(branch, '.codex/environment.yaml', 'version: 1\nsetup: |\n  echo "token: [$TOKEN]" > ~/out\n');
      commitAll(branch);
      const task = await world.newTask(branch, { ref: 'theirs', defaultRef: 'theirs~1' });
      const ran = await world.run(task, { turn: 1, prompt: '$ cat ~/out' });
      assert.equal(ran.error, null);
      assert.equal(printed(ran.events, 'agent'), 'token: []\n');
      assert.deepEqual(outcomes(ran), ['off']);
      const [warning] = paramsOf(ran.events, 'warning');
      assert.equal(warning?.code, 'scriptUnapproved');
      world.memory.approved.add(String(warning?.params['hash']));
      const approved = await world.run(
        await world.newTask(branch, { ref: 'theirs', defaultRef: 'theirs~1' }),
        {
          turn: 1,
          prompt: '$ true',
        },
      );
      assert.equal(codeOf(approved), 'secretInFiles');
    } finally {
      removeFolder(branch);
    }
  });

  test('maintenance brings a prepared environment to the task’s commit, with secrets in its own sandbox', async () => {
    use({
      setup: 'mkdir -p installed && git rev-parse HEAD > installed/at && echo base > ~/base',
      maintenance: 'echo "maintained at $(git rev-parse HEAD), token ${#TOKEN}" >> ~/base',
    });
    const first = git(folder, ['rev-parse', 'HEAD']).trim();
    write(folder, 'second.txt', 'two\n');
    commitAll(folder);
    const second = git(folder, ['rev-parse', 'HEAD']).trim();
    const task = await world.newTask(folder, { ref: second, defaultRef: first });
    const ran = await world.run(task, {
      turn: 1,
      prompt: '$ cat ~/base installed/at; ls; git status --short',
    });
    assert.equal(ran.error, null);
    assert.equal(
      printed(ran.events, 'agent'),
      `base\nmaintained at ${second}, token 22\n${first}\nREADME.md\ninstalled\nsecond.txt\n`,
    );
    use(world.memory.environment, []);
    const plain = await world.run(await world.newTask(folder, { ref: second, defaultRef: first }), {
      turn: 1,
      prompt: '$ cat ~/base',
    });
    assert.equal(printed(plain.events, 'agent'), `base\nmaintained at ${second}, token 0\n`);
  });

  test('a follow-up finds what was installed while parked, and the newest tree on what was prepared after', async () => {
    use({ setup: 'mkdir installed && echo dep > installed/dep' });
    const task = await world.newTask(folder);
    await world.run(task, { turn: 1, prompt: '$ echo one > one.txt; echo more > ~/by-agent' });
    const parked = await world.run(task, { turn: 2, prompt: '$ cat one.txt ~/by-agent installed/dep' });
    assert.equal(printed(parked.events, 'agent'), 'one\nmore\ndep\n');
    assert.equal(paramsOf(parked.events, 'sandbox.started')[0]?.how, 'parked');
    for (const ref of await world.driver.list())
      if (ref.taskId === task.id) await world.driver.remove(ref.name);
    const restored = await world.run(task, { turn: 3, prompt: '$ cat one.txt installed/dep; ls ~/by-agent' });
    assert.match(printed(restored.events, 'agent'), /^one\ndep\nls: /);
    assert.equal(paramsOf(restored.events, 'sandbox.started')[0]?.how, 'restored');
    assert.deepEqual(outcomes(restored), ['hit']);
  });

  test('tasks that need the same environment at once have it prepared once', async () => {
    use({ setup: 'echo prepared; sleep 0.5; mkdir installed; date +%s%N > installed/stamp' });
    const tasks = await Promise.all([world.newTask(folder), world.newTask(folder), world.newTask(folder)]);
    const all = await Promise.all(
      tasks.map((task) => world.run(task, { turn: 1, prompt: '$ cat installed/stamp' })),
    );
    assert.deepEqual(
      all.map(({ error }) => error),
      [null, null, null],
    );
    const stamps = new Set(all.map(({ events }) => printed(events, 'agent')));
    assert.equal(stamps.size, 1);
    assert.equal(all.filter(({ events }) => printed(events, 'setup') !== '').length, 1);
  });

  test('a question starts without the setup, and can’t change the repository', async () => {
    use({ setup: 'exit 1' });
    const task = await world.newTask(folder);
    const ran = await world.run(task, {
      turn: 1,
      mode: 'ask',
      prompt:
        '$ echo x > README.md; echo y > new.txt; rm README.md; git log --oneline | wc -l; cat README.md',
    });
    assert.equal(ran.error, null);
    assert.match(printed(ran.events, 'agent'), /\n\d+\n# Project\n$/);
    assert.equal(printed(ran.events, 'setup'), '');
    const again = await world.run(task, { turn: 2, mode: 'ask', prompt: '$ cat README.md' });
    assert.equal(printed(again.events, 'agent'), '# Project\n');
    assert.equal(paramsOf(again.events, 'sandbox.started')[0]?.how, 'parked');
  });

  test('an automatic setup goes by lock files; when it fails the agent goes on and the person is told', async () => {
    const lock = temporaryFolder('setup-lock');
    try {
      initRepository(lock);
      write(lock, 'package.json', '{"name":"x","version":"1.0.0","dependencies":{"nope":"1.0.0"}}\n');
      write(lock, 'package-lock.json', 'not json\n');
      commitAll(lock);
      use({});
      const ran = await world.run(await world.newTask(lock), { turn: 1, prompt: '$ echo went on' });
      assert.equal(ran.error, null);
      assert.equal(printed(ran.events, 'agent'), 'went on\n');
      assert.match(printed(ran.events, 'setup'), /Installing by package-lock.json/);
      assert.equal(paramsOf(ran.events, 'warning')[0]?.code, 'automaticSetupFailed');
      assert.deepEqual(outcomes(ran), ['miss', 'refused']);
    } finally {
      removeFolder(lock);
    }
  });

  test('what a script prints reaches nobody whole: over the borders of chunks, invalid, or endless', async () => {
    use({
      setup: [
        'for i in $(seq 1 400); do printf "%s" "$TOKEN" | (while read -r -n1 c; do printf %s "$c"; done); echo " $i"; done',
        String.raw`printf '\377\376\200 invalid\n'`,
        'head -c 30000000 /dev/zero | tr "\\0" x; echo',
        '(setsid sleep 300 >/dev/null 2>&1 &)',
        'echo end',
      ].join('\n'),
    });
    const task = await world.newTask(folder);
    const ran = await world.run(task, { turn: 1, prompt: '$ pgrep -c sleep' });
    assert.equal(ran.error, null);
    const text = printed(ran.events, 'setup');
    assert.equal(text.split('[secret TOKEN]').length - 1, 400);
    const redactor = createRedactor(world.memory.secrets);
    assert.equal(redactor.find(Buffer.from(JSON.stringify(task.events))), null);
    assert.equal(printed(ran.events, 'agent'), '0\n');
    assert.ok(paramsOf(ran.events, 'limit.reached').some(({ limit }) => limit === 'commandOutputBytes'));
  });

  test('a script that does not end is ended at its limit', async () => {
    use({ setup: 'echo waiting\nsleep 600', setupTimeoutMs: 1_500 });
    const ran = await world.run(await world.newTask(folder), { turn: 1, prompt: '$ true' });
    assert.equal(codeOf(ran), 'setupFailed');
    assert.equal((ran.error as CodexError).wire.params['hint'], 'timeLimit');
  });

  test('a script that deletes the repository harms itself alone', async () => {
    use({ setup: 'rm -rf .git ./*; rm -rf "$PWD"' });
    const ran = await world.run(await world.newTask(folder), { turn: 1, prompt: '$ cat README.md' });
    assert.equal(ran.error, null);
    assert.equal(printed(ran.events, 'agent'), '# Project\n');
  });

  test('a try of the environment ends after the setup', async () => {
    use({ setup: 'echo tried > ~/tried' });
    const ran = await world.run(await world.newTask(folder), {
      turn: 1,
      mode: 'ask',
      prompt: 'x',
      onlySetup: true,
    });
    assert.equal(ran.error, null);
    assert.deepEqual(
      paramsOf(ran.events, 'phase.finished').map(({ phase }) => phase),
      ['setup', 'checkout'],
    );
    assert.deepEqual(outcomes(ran), ['miss', 'stored']);
  });

  test('no file of the backend holds a secret', () => {
    const redactor = createRedactor(world.memory.secrets);
    const look = (dir: string): void => {
      for (const entry of readdirSync(dir, { withFileTypes: true })) {
        const path = join(dir, entry.name);
        if (entry.isDirectory()) look(path);
        else if (entry.isFile() && existsSync(path) && statSync(path).size < 2 ** 30)
          assert.equal(redactor.find(readFileSync(path)), null, path);
      }
    };
    look(join(world.dataDir, 'repos'));
  });
}
