/** A repository that a setup prepared, brought to the commit of a task. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createDriver } from '../../../server/sandbox/index.ts';
import type { CheckoutOptions, Sandbox, SandboxDriver } from '../../../server/sandbox/sandbox.ts';
import { git, newTask, scratchDir, sh, shellIn } from './help.ts';
import { originServer } from './origin.ts';

/** Measured: 400 ms on two busy processors. Reading every file, or checking them all out, takes seconds. */
const READY_MS = 5_000;

for (const tidied of [false, true])
  describe(
    `a repository that a setup prepared${tidied ? ' and tidied up' : ''}`,
    { timeout: 600_000 },
    () => {
      const data = scratchDir();
      const origin = scratchDir();
      let driver: SandboxDriver;
      let server: ReturnType<typeof originServer>;
      let first: string;
      let second: string;
      let uncommitted: string;
      let snapshot: string;
      const inRepo = { cwd: '/workspace/project' };

      before(async () => {
        shellIn(
          origin.path,
          String.raw`
        git init -q -b main
        printf 'node_modules/\n*.log\n' > .gitignore
        printf '*.bin filter=upper\n' > .gitattributes
        for d in $(seq 100); do mkdir d$d; for f in $(seq 100); do echo "file $d $f" > d$d/f$f; done; done
        echo lock > package-lock.json; echo run > run.sh; echo text > a.bin
        git add -A; git commit -qm first; git tag v1
        echo more >> d1/f1; rm d2/f2; echo new > new.txt; echo other > a.bin; git add -A; git commit -qm second
        git checkout -q --detach; echo mine > mine.txt; echo changed > d3/f3; git add -A; git commit -qm local; git branch local; git checkout -q main`,
        );
        first = git(origin.path, 'rev-parse', 'main~');
        second = git(origin.path, 'rev-parse', 'main');
        uncommitted = git(origin.path, 'rev-parse', 'local');
        server = originServer(join(origin.path, '.git'));
        driver = createDriver({ kind: 'docker', dataDir: data.path });
        const setup = await driver.open({ ...newTask(), role: 'setup' });
        setup.serve('origin', server.serve);
        await setup.checkout({ sha: first, branch: 'main' });
        const done = await sh(
          setup,
          String.raw`
        set -e
        mkdir -p node_modules/x; for i in $(seq 5000); do echo $i > node_modules/x/$i; done
        git init -q node_modules/x; echo kept > install.log
        echo changed by npm >> package-lock.json; chmod +x run.sh; rm d5/f5; rm -r d6; mkdir d6; ln -s / d6/link
        echo left > left.txt; mkdir -p left/deep; git init -q left/deep; echo l > left/deep/l
        git config filter.upper.smudge 'tr a-z A-Z'; git config filter.upper.clean cat
        git config core.hooksPath /tmp/hooks; mkdir -p /tmp/hooks; printf '#!/bin/sh\ntouch /tmp/hooked\n' > /tmp/hooks/post-checkout; chmod +x /tmp/hooks/post-checkout
        git config url.http://127.0.0.1:1/.insteadOf http://127.0.0.1:9419/
        echo sneaky > d7/f7; git update-index --assume-unchanged d7/f7
        echo sneakier > d8/f8; git update-index --skip-worktree d8/f8
        touch .git/index.lock`,
          inRepo,
        );
        assert.equal(done.exitCode, 0, done.output);
        if (tidied) {
          await setup.stopAll();
          await setup.checkout({ sha: first, branch: 'main', keep: true, last: true });
        }
        await setup.detach();
        await driver.stop(setup.name);
        snapshot = (await driver.snapshot(setup.name, {})).id;
        await driver.remove(setup.name);
      });
      after(async () => {
        for (const ref of await driver.list()) await driver.remove(ref.name);
        for (const one of await driver.snapshots()) await driver.removeSnapshot(one.id);
        server.close();
        origin.remove();
        data.remove();
      });

      const fromSnapshot = async (use: (sandbox: Sandbox) => Promise<void>): Promise<void> => {
        const sandbox = await driver.open({ ...newTask(), snapshot });
        try {
          assert.equal(sandbox.how, 'prepared');
          sandbox.serve('origin', server.serve);
          await use(sandbox);
        } finally {
          await sandbox.detach();
          await driver.remove(sandbox.name);
        }
      };
      const kept = async (sandbox: Sandbox, options: CheckoutOptions): Promise<number> => {
        const began = performance.now();
        await sandbox.checkout({ ...options, keep: true });
        return Math.round(performance.now() - began);
      };
      /** Compares with the stat data that git remembers thrown away: each file is read. */
      const STATUS =
        'rm -f /tmp/i; cp .git/index /tmp/i; export GIT_INDEX_FILE=/tmp/i; git read-tree HEAD; git status --porcelain';
      const expectCommit = async (sandbox: Sandbox, sha: string, status = ''): Promise<void> => {
        const { output } = await sh(
          sandbox,
          `git rev-parse HEAD; git branch --show-current; ${STATUS}`,
          inRepo,
        );
        assert.equal(output, `${sha}\nmain\n${status}`);
        const installed = await sh(
          sandbox,
          'ls node_modules/x | wc -l; cat install.log; ls /tmp/hooked',
          inRepo,
        );
        assert.match(installed.output, /^5000\nkept\n.*No such file/);
      };

      test('the commit that is there: only what the setup changed is put back, nothing is fetched', () =>
        fromSnapshot(async (sandbox) => {
          const before = server.requests.length;
          const began = performance.now();
          const ms = await kept(sandbox, { sha: first, branch: 'main' });
          console.log(`# keep, same commit, 10,000 files: ${ms} ms`);
          assert.ok(performance.now() - began < READY_MS, `${ms} ms`);
          assert.equal(server.requests.length, before);
          await expectCommit(sandbox, first);
          const again = await kept(sandbox, { sha: first, branch: 'main' });
          console.log(`# once more: ${again} ms`);
          await expectCommit(sandbox, first);
        }));

      test('a newer commit: what is missing is fetched, what is ignored is kept, no filter and no hook runs', () =>
        fromSnapshot(async (sandbox) => {
          const ms = await kept(sandbox, { sha: second, branch: 'main' });
          console.log(`# keep, another commit, 10,000 files: ${ms} ms`);
          await expectCommit(sandbox, second);
          const { output } = await sh(
            sandbox,
            'cat a.bin d7/f7 d8/f8; ls left.txt left d6/link 2>&1 | grep -c "No such"; git config core.hooksPath; git config filter.upper.smudge',
            inRepo,
          );
          assert.equal(output, 'other\nfile 7 7\nfile 8 8\n3\n/tmp/hooks\ntr a-z A-Z\n');
        }));

      test('uncommitted changes lie in it as they did in the person’s folder', () =>
        fromSnapshot(async (sandbox) => {
          await kept(sandbox, { sha: uncommitted, branch: 'main', asUncommitted: second });
          await expectCommit(sandbox, second, ' M d3/f3\n?? mine.txt\n');
        }));

      // What is damaged is made anew, whatever was noted in it.
      if (tidied) return;
      for (const [what, script] of Object.entries({
        'is gone': 'rm -rf .git',
        'has damaged objects':
          'for f in $(find .git/objects -type f -name "*.pack"); do chmod u+w $f; head -c 20 /dev/zero | dd of=$f conv=notrunc bs=1 seek=200 2>/dev/null; done; find d9 -type f -delete',
        'has a damaged index': 'echo nonsense > .git/index',
        'has a HEAD that points nowhere': 'echo nonsense > .git/HEAD',
      })) {
        test(`one that ${what} is made anew, and what was installed is kept`, () =>
          fromSnapshot(async (sandbox) => {
            await sh(sandbox, script, inRepo);
            await kept(sandbox, { sha: second, branch: 'main' });
            await expectCommit(sandbox, second);
          }));
      }

      test('without a prepared repository it is a checkout like any other', async () => {
        const sandbox = await driver.open(newTask());
        sandbox.serve('origin', server.serve);
        await sandbox.checkout({ sha: second, branch: 'main', keep: true });
        assert.equal(
          (await sh(sandbox, 'git rev-parse HEAD; git status --porcelain', inRepo)).output,
          `${second}\n`,
        );
        await sandbox.detach();
        await driver.remove(sandbox.name);
      });
    },
  );
