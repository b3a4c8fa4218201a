import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { defaultEnvironment } from '../../../protocol/environment.ts';
import { commitAll, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { setupSuite } from './setup.suite.ts';
import { openWorld, printed } from './world.ts';

setupSuite('docker');

test('an image’s own user sets up, works, reaches the proxy, and is asked, all at home', async () => {
  const world = await openWorld('docker');
  const folder = temporaryFolder('setup-user');
  const image = `codex-tasks-test/user:${randomBytes(6).toString('hex')}`;
  try {
    initRepository(folder);
    write(folder, 'README.md', '# Project\n');
    commitAll(folder);
    const base = await world.driver.imageIdentity(undefined);
    const dockerfile = `FROM ${base}\nRUN useradd --create-home --uid 1234 dev\nUSER dev\n`;
    execFileSync('docker', ['build', '-q', '-t', image, '-'], {
      input: dockerfile,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    world.memory.environment = {
      ...defaultEnvironment(),
      image,
      setup: 'id -un > ~/who; echo "export FROM_RC=yes" >> ~/.bashrc; test -s "$CODEX_PROXY_CERT"',
    };
    const task = await world.newTask(folder);
    const prompt = '$ id -un; cat ~/who; echo "$HOME $USER $FROM_RC"; echo new > new.txt; cat README.md';
    const ran = await world.run(task, { turn: 1, prompt });
    assert.equal(ran.error, null);
    assert.equal(printed(ran.events, 'agent'), 'dev\ndev\n/home/dev dev yes\n# Project\n');
    assert.deepEqual(
      task.results.get(1)?.files.map(({ path }) => path.path),
      ['new.txt'],
    );
    const asked = await world.run(await world.newTask(folder), {
      turn: 1,
      mode: 'ask',
      prompt: '$ id -un; git log --oneline | wc -l; echo x 2>/dev/null > README.md || echo refused',
    });
    assert.equal(asked.error, null);
    assert.match(printed(asked.events, 'agent'), /^dev\n1\n.*refused\n$/s);
  } finally {
    await world.close();
    removeFolder(folder);
    execFileSync('docker', ['rmi', '-f', image], { stdio: 'ignore' });
  }
});
