/** A sandbox for questions: the repository can be read and can't be written, whatever is tried. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DockerDriver } from '../../../server/sandbox/docker/driver.ts';
import type { Sandbox, SandboxDriver, SandboxSpec } from '../../../server/sandbox/sandbox.ts';
import { ENVIRONMENT, git, newTask, scratchDir, sh, shellIn } from './help.ts';
import { originServer } from './origin.ts';

/** Measured: 350 ms. A setup, or a second container, would show. */
const READY_MS = 5_000;

describe('a Docker sandbox for questions', { timeout: 300_000 }, () => {
  const data = scratchDir();
  const origin = scratchDir();
  let driver: SandboxDriver;
  let server: ReturnType<typeof originServer>;
  let spec: SandboxSpec;
  let sandbox: Sandbox;
  let sha: string;

  before(async () => {
    shellIn(
      origin.path,
      `git init -q -b main; mkdir src; echo text > src/file; echo 'echo hi' > run.sh; chmod +x run.sh; ln -s src/file link
       git add -A; git commit -qm first; echo two >> src/file; git commit -qam second; git branch other HEAD~`,
    );
    sha = git(origin.path, 'rev-parse', 'main');
    server = originServer(join(origin.path, '.git'));
    driver = new DockerDriver(data.path);
    spec = { ...newTask(), role: 'ask' };
    await driver.imageIdentity(undefined);
    const began = performance.now();
    sandbox = await driver.open(spec);
    sandbox.serve('origin', server.serve);
    const opened = performance.now();
    await sandbox.checkout({ sha, branch: 'main' });
    const ready = performance.now();
    console.log(
      `# open ${Math.round(opened - began)} ms (first of its image), checkout ${Math.round(ready - opened)} ms`,
    );
  });
  after(async () => {
    await sandbox.detach();
    for (const ref of await driver.list()) await driver.remove(ref.name);
    server.close();
    origin.remove();
    data.remove();
  });

  const run = (script: string): ReturnType<typeof sh> =>
    sh(sandbox, script, { cwd: '/workspace/project', env: { ...ENVIRONMENT, ...sandbox.extraEnv } });
  /** Names, types, modes, owners, times, links, and content of all of it. */
  const FINGERPRINT = `cd /; find /workspace -printf '%p %y %m %U %G %T@ %s %l\\n' | sort | sha256sum; find /workspace -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum; stat -c '%d:%i %a %u' /workspace /workspace/project`;

  test('opens in a moment, and a second time from what is known', async () => {
    const began = performance.now();
    const other = await driver.open({ ...newTask(), role: 'ask' });
    const ms = Math.round(performance.now() - began);
    console.log(`# open ${ms} ms`);
    assert.ok(ms < READY_MS, `${ms} ms`);
    await other.detach();
    await driver.remove(other.name);
  });

  test('is read in every way: files, git, search, its own home and temporary files', async () => {
    const expected: Record<string, RegExp> = {
      'cat src/file link; ./run.sh': /^text\ntwo\ntext\ntwo\nhi\n$/,
      'git log --oneline | wc -l; git rev-parse HEAD; git branch --show-current': new RegExp(
        `^2\n${sha}\nmain\n$`,
      ),
      'git diff HEAD~ --stat; git show HEAD:src/file': /1 file changed[^]*text\ntwo/,
      'git status --porcelain; git grep -n two; git blame src/file | wc -l': /^src\/file:2:two\n2\n$/,
      'git branch -r; git remote -v': /origin\/main[^]*127\.0\.0\.1/,
      'echo x > /tmp/x; echo y > ~/y; mkdir -p ~/.cache/z; cat /tmp/x ~/y': /^x\ny\n$/,
      'cp -r . /tmp/copy && cd /tmp/copy && echo mine >> src/file && git -c safe.directory=/tmp/copy diff --stat':
        /src\/file \| 1 \+/,
    };
    for (const [script, pattern] of Object.entries(expected)) {
      const { output, exitCode } = await run(script);
      assert.equal(exitCode, 0, `${script}: ${output}`);
      assert.match(output, pattern, script);
    }
  });

  const attacks: Record<string, string> = {
    'writing a file': 'echo x >> src/file',
    'making a file': 'touch src/new',
    'making one beside the repository': 'touch /workspace/new',
    'making a folder': 'mkdir new',
    'deleting a file': 'rm -f src/file',
    'deleting all of it': 'rm -rf /workspace/project',
    'truncating by a program': 'truncate -s 0 src/file',
    'changing a mode': 'chmod 777 src/file',
    'changing the folder’s mode': 'chmod 777 /workspace/project',
    'changing the parent’s mode': 'chmod 777 /workspace',
    'changing an owner': 'chown 0:0 src/file',
    'changing the parent’s owner': 'chown 0:0 /workspace',
    'changing a time': 'touch -d 2001-01-01 src/file',
    'renaming a file': 'mv src/file src/other',
    'renaming the repository': 'mv /workspace/project /workspace/other',
    'renaming the parent': 'mv /workspace /other',
    'taking the parent away': 'rmdir /workspace || rm -rf /workspace',
    'moving another folder over it': 'mkdir -p /tmp/project && mv -T /tmp/project /workspace/project',
    'swapping it by renameat2': `python3 -c 'import ctypes,os; os.makedirs("/tmp/p", exist_ok=True); l=ctypes.CDLL(None, use_errno=True); r=l.syscall(316,-100,b"/tmp/p",-100,b"/workspace/project",2); exit(0 if r==0 else 1)' 2>/dev/null`,
    'a bind mount over it': 'mkdir -p /tmp/over; mount --bind /tmp/over /workspace/project',
    'a tmpfs over it': 'mount -t tmpfs none /workspace/project',
    'unmounting it': 'umount /workspace || umount -l /workspace',
    'remounting it in a namespace of its own': 'unshare -m mount -t tmpfs none /workspace',
    'a user namespace': `unshare -Ur sh -c 'echo x >> /workspace/project/src/file'`,
    'becoming its owner by su': `su -s /bin/sh -c 'echo x >> /workspace/project/src/file' nobody; setpriv --reuid 65533 sh -c 'echo x >> src/file'`,
    'becoming its owner by a user of that number': `echo 'keeper:x:65533:65533::/:/bin/sh' >> /etc/passwd; su keeper -c 'echo x >> /workspace/project/src/file'`,
    'becoming its owner by setuid': `python3 -c 'import os; os.setuid(65533)' || perl -e '$<=65533; $>=65533; die if $> != 65533; open(F, ">>src/file") or die; print F "x"'`,
    'a setuid program':
      'cp /bin/sh /tmp/sh && chown 65533 /tmp/sh && chmod u+s /tmp/sh && /tmp/sh -pc "echo x >> src/file"',
    'a program with file capabilities':
      'cp /bin/sh /tmp/cap && setcap cap_dac_override+ep /tmp/cap && /tmp/cap -c "echo x >> src/file"',
    'by way of /proc/1/root': 'echo x >> /proc/1/root/workspace/project/src/file',
    'by way of /proc/self/cwd': 'echo x >> /proc/self/cwd/src/file',
    'a hard link to write through':
      'ln src/file /workspace/hard || ln src/file /tmp/hard || ln src/file src/hard',
    'a symbolic link in it': 'ln -s /tmp src/tmp',
    'a file opened for reading, opened again for writing': `exec 3< src/file; echo x >> /proc/self/fd/3`,
    'writing its extended attributes': 'setfattr -n user.x -v y src/file || chattr +i src/file',
    'making a device of the disk': 'mknod /tmp/disk b 254 0 && debugfs -w /tmp/disk',
    'git commit': 'git commit --allow-empty -m x',
    'git add': 'cp /etc/passwd /tmp/p; git add -f src/file && git update-index --chmod=+x src/file',
    'git checkout': 'git checkout -q other',
    'git gc': 'git gc -q --prune=now',
    'git config': 'git config user.name x',
    'git fetch': 'git fetch -q origin',
    'git reset': 'git reset -q --hard HEAD~',
    'git stash': 'git stash -q -u --keep-index && git worktree add /workspace/tree',
    'the runner itself': `/opt/codex/tasks/node -e 'require("fs").appendFileSync("/workspace/project/src/file","x")' 2>/dev/null`,
    'a checkout by hand': `echo '{"workdir":"/workspace/project","sha":"${'0'.repeat(40)}","branch":"main"}' | /opt/codex/tasks/node /opt/codex/tasks/runner.cjs checkout`,
    'cron or at': `echo 'echo x >> /workspace/project/src/file' | at now`,
    'docker’s own': 'ls /var/run/docker.sock && docker ps',
  };
  for (const [what, script] of Object.entries(attacks)) {
    test(`refused: ${what}`, async () => {
      const before = await run(FINGERPRINT);
      assert.equal(before.exitCode, 0, before.output);
      // The last command's exit code: what comes before it prepares.
      const { exitCode, output } = await run(script);
      assert.notEqual(exitCode, 0, output);
      assert.equal((await run(FINGERPRINT)).output, before.output);
    });
  }

  test('no process has a capability, or can get one', async () => {
    const { output } = await run(
      'cat /proc/[0-9]*/status | grep -E "^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs)" | sort | uniq -c',
    );
    const values = [...output.matchAll(/(Cap\w+):\s+([0-9a-f]+)/g)].map(([, name, value]) => [name, value]);
    assert.ok(values.length >= 5, output);
    assert.deepEqual(
      values.filter(([, value]) => !/^0+$/.test(value ?? '')),
      [],
    );
    assert.match(output, /NoNewPrivs:\s+1/);
    assert.doesNotMatch(output, /NoNewPrivs:\s+0/);
  });

  test('is checked out once: what ran since could have replaced git', async () => {
    await assert.rejects(sandbox.checkout({ sha, branch: 'main' }), { code: 'conflict' });
    const adopted = await driver.open(spec);
    await assert.rejects(adopted.checkout({ sha, branch: 'main' }), { code: 'conflict' });
    await sandbox.detach();
    sandbox = adopted;
  });

  test('one that failed may be tried again; uncommitted changes are as they were; all of it is the keeper’s', async () => {
    const other = await driver.open({ ...newTask(), role: 'ask' });
    other.serve('origin', server.serve);
    const first = git(origin.path, 'rev-parse', 'other');
    await assert.rejects(other.checkout({ sha: '1'.repeat(40), branch: 'main' }), { code: 'gitFailed' });
    await other.checkout({ sha, branch: 'main', asUncommitted: first });
    const { output } = await sh(
      other,
      'cd /workspace/project; git status --porcelain; find /workspace ! -user 65533 -o -perm /022 ! -type l',
      { env: { ...ENVIRONMENT, ...other.extraEnv } },
    );
    assert.equal(output, ' M src/file\n');
    await other.detach();
    await driver.remove(other.name);
  });

  test('is listed as what it is, and stands beside the agent’s of the same task', async () => {
    const agent = await driver.open({ ...spec, role: 'agent' });
    assert.deepEqual(
      (await driver.list()).map(({ name, role, taskId, attempt }) => [name, role, taskId, attempt]).sort(),
      [
        [`codex-ask-${spec.taskId}-1`, 'ask', spec.taskId, 1],
        [`codex-task-${spec.taskId}-1`, 'agent', spec.taskId, 1],
      ],
    );
    await agent.detach();
    await driver.remove(agent.name);
  });

  test('one that was stopped is started again and still can’t be written', async () => {
    await sandbox.detach();
    await driver.stop(sandbox.name);
    sandbox = await driver.open({ ...spec, generation: 2 });
    sandbox.serve('origin', server.serve);
    assert.equal(sandbox.how, 'restarted');
    assert.match(
      (await run('cat src/file; touch src/new')).output,
      /^text\ntwo\ntouch: .*Permission denied\n$/,
    );
  });
});
