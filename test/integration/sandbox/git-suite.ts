/** Repository in and result out, for every kind of sandbox. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Sandbox, SandboxDriver } from '../../../server/sandbox/sandbox.ts';
import { git, newTask, scratchDir, sh, shellIn, takeIn } from './help.ts';
import { originServer } from './origin.ts';

/** What the agent does to the files: each kind of change that a patch can hold, and some it can't. */
const CHANGES = String.raw`
  set -e
  echo changed >> text.txt
  head -c 100000 /dev/urandom > new.bin
  printf 'GIF89a\0\377\0' > old.bin
  mv to-rename.txt renamed.txt
  chmod +x script.sh
  rm gone.txt
  ln -sfn text.txt link
  printf 'a\r\nb\r\nc\r\n' > crlf.txt
  printf 'one\n' > $'caf\351.txt'
  printf 'x\n' > $'new\nline\t"quoted".txt'
  rm -f becomes-folder && mkdir becomes-folder && echo in > becomes-folder/inside
  rm -rf becomes-file && echo file > becomes-file
  rm was-link && echo plain > was-link
  rm is-fifo && mkfifo is-fifo && mkfifo another-fifo
  : > empty
  mkdir -p ignored && echo no > ignored/file
  mkdir nested && (cd nested && git init -q . && echo inner > inner.txt && mkdir -p deep && echo d > deep/d.txt && echo skip > skip.log)
  mkdir committed && (cd committed && git init -q . && echo c > c.txt && git add . && git commit -qm c)
  rm -rf through && ln -s /etc through
`;

export function gitSuite(given: () => { driver: SandboxDriver }): void {
  describe('repository in and result out', () => {
    const origin = scratchDir();
    let server: ReturnType<typeof originServer>;
    let sandbox: Sandbox;
    let base: string;
    let local: string;
    let expected: string;

    before(async () => {
      shellIn(
        origin.path,
        String.raw`
          git init -q -b main
          printf '*.txt text=auto\ncrlf.txt text eol=crlf\nutf16.txt working-tree-encoding=UTF-16LE-BOM text\n*.lfs filter=lfs\nid.txt ident\n' > .gitattributes
          printf 'ignored/\n*.log\n' > .gitignore
          echo text > text.txt; printf 'a\r\nb\r\n' > crlf.txt; printf '\0\1\2' > old.bin; seq 50 > to-rename.txt
          echo 'echo hi' > script.sh; echo gone > gone.txt; ln -s text.txt link; echo f > becomes-folder
          mkdir becomes-file through; echo i > becomes-file/inner; echo t > through/file; ln -s nowhere was-link; echo p > is-fifo
          printf 'hello\n' | iconv -t UTF-16 > utf16.txt; echo 'version https://git-lfs' > a.lfs; echo '$Id$' > id.txt
          printf 'latin\n' > $'l\344tin.txt'
          git add -A; git commit -qm first; git tag v1; git branch other
          echo dirty >> text.txt; rm gone.txt; echo untracked > untracked.txt; printf '\377\0' > untracked.bin
          git checkout -q --detach; git add -A; git commit -qm local; git branch snapshot; git checkout -q main`,
      );
      base = git(origin.path, 'rev-parse', 'main');
      local = git(origin.path, 'rev-parse', 'snapshot');
      expected = expectedTree();
      server = originServer(join(origin.path, '.git'));
      sandbox = await given().driver.open(newTask());
      sandbox.serve('origin', server.serve);
    });
    after(async () => {
      await sandbox?.detach();
      if (sandbox) await given().driver.remove(sandbox.name);
      server.close();
      origin.remove();
    });

    const inRepo = { cwd: '/workspace/project' };
    /** Modes, objects and names; `new.bin` is random and only has to be there. */
    const listing = (repository: string, tree: string): string =>
      git(repository, 'ls-tree', '-r', '--full-tree', tree).replace(
        /[0-9a-f]{40}\tnew\.bin/,
        'random new.bin',
      );
    /** The same changes made here, in a plain clone: the tree that a capture must equal. */
    const expectedTree = (): string => {
      const clone = scratchDir();
      try {
        git(clone.path, 'clone', '-q', '-b', 'main', join(origin.path, '.git'), 'project');
        const project = join(clone.path, 'project');
        shellIn(project, CHANGES);
        shellIn(
          project,
          'rm -rf nested/.git committed/.git is-fifo another-fifo; git -c core.safecrlf=false add -A',
        );
        return listing(project, git(project, 'write-tree'));
      } finally {
        clone.remove();
      }
    };
    const checkOutAndChange = async (): Promise<void> => {
      await sandbox.checkout({ sha: base, branch: 'main' });
      const changed = await sh(sandbox, CHANGES, inRepo);
      assert.equal(changed.exitCode, 0, changed.output);
    };
    const treesEqual = (captured: string): void => assert.equal(listing(origin.path, captured), expected);

    test('checks out a clean repository on its branch, with origin and no credential', async () => {
      await sandbox.checkout({ sha: base, branch: 'main' });
      const { output } = await sh(
        sandbox,
        'git status --porcelain; git rev-parse HEAD; git branch --show-current; git remote -v; git tag; cat crlf.txt | od -c | head -1',
        inRepo,
      );
      assert.match(
        output,
        new RegExp(`^${base}\nmain\norigin\thttp://127\\.0\\.0\\.1:\\d+/project\\.git \\(fetch\\)\n`),
      );
      assert.match(output, /^v1$/m);
      assert.match(output, /a {2}\\r {2}\\n/);
      const config = await sh(sandbox, 'cat .git/config; ls .git/hooks 2>&1', inRepo);
      assert.doesNotMatch(config.output, /token|authorization|extraheader|@/i);
    });

    test('an offline agent fetches branches and tags from origin', async () => {
      git(origin.path, 'branch', '-f', 'later', local);
      const { output, exitCode } = await sh(
        sandbox,
        'git fetch -q origin && git rev-parse origin/later',
        inRepo,
      );
      assert.equal(exitCode, 0, output);
      assert.equal(output.trim(), local);
    });

    test('puts uncommitted changes back as they were: untracked, changed and deleted, index at HEAD', async () => {
      await sandbox.checkout({ sha: local, branch: 'topic/x', asUncommitted: base });
      const { output } = await sh(
        sandbox,
        'git rev-parse HEAD; git branch --show-current; git status --porcelain; git diff --cached --stat',
        inRepo,
      );
      assert.equal(
        output,
        `${base}\ntopic/x\n D gone.txt\n M text.txt\n?? untracked.bin\n?? untracked.txt\n`,
      );
      assert.equal(
        await takeIn(origin.path, await sandbox.capture(base)),
        git(origin.path, 'rev-parse', `${local}^{tree}`),
      );
    });

    test('checking out replaces what is there and gives the same tree, whatever the conversions', async () => {
      await sh(sandbox, 'rm -rf .git; echo junk > junk; mkdir -p a/b; echo x > a/b/c', inRepo);
      await sandbox.checkout({ sha: base, branch: 'main' });
      const captured = await sandbox.capture(base);
      assert.equal(await takeIn(origin.path, captured), git(origin.path, 'rev-parse', `${base}^{tree}`));
    });

    test('captures text, binary, rename, mode, symlink, CRLF, odd names, nested repositories, and nothing ignored', async () => {
      await checkOutAndChange();
      await sandbox.stopAll();
      const captured = await sandbox.capture(base);
      treesEqual(await takeIn(origin.path, captured));
      assert.equal(captured.ignored, 2, 'ignored/ and nested/skip.log');
      const listed = git(origin.path, 'ls-tree', '-r', '--name-only', captured.tree);
      assert.match(listed, /^nested\/deep\/d\.txt$/m);
      assert.doesNotMatch(listed, /skip\.log|fifo|ignored/);
    });

    const hostile: Record<string, string> = {
      deleted: 'rm -rf .git',
      'a file': 'rm -rf .git; echo nothing > .git',
      'a file that points elsewhere': 'rm -rf .git; echo "gitdir: /etc" > .git',
      'a symbolic link': 'rm -rf /tmp/elsewhere; mv .git /tmp/elsewhere; ln -s /tmp/elsewhere .git',
      'without objects': 'rm -rf .git/objects/*',
      'with damaged objects': 'for f in $(find .git/objects -type f); do chmod u+w $f; : > $f; done',
      'with FIFOs for objects':
        'find .git/objects -type f -delete; for d in $(seq 0 3); do mkfifo .git/objects/pack/p$d.idx .git/objects/pack/p$d.pack; done',
      'with its index full of lies':
        'git update-index --assume-unchanged text.txt; git update-index --skip-worktree old.bin; git config core.sparseCheckout true; echo /nothing > .git/info/sparse-checkout',
      'committed and on another branch':
        'git checkout -q -b mine; git add -A . 2>/dev/null; git commit -qm "mine"; git commit -q --allow-empty -m more',
      'with replaced objects':
        'git replace HEAD:text.txt HEAD:script.sh; git replace HEAD $(git commit-tree -m x $(git mktree </dev/null))',
      'with a hostile configuration': `
        git config core.fsmonitor 'touch /tmp/owned; false'; git config core.hooksPath /tmp/hooks; mkdir -p /tmp/hooks
        for h in post-index-change pre-commit post-checkout reference-transaction; do printf '#!/bin/sh\\ntouch /tmp/owned\\n' > /tmp/hooks/$h; chmod +x /tmp/hooks/$h; done
        git config filter.lfs.clean 'touch /tmp/owned; cat'; git config filter.lfs.required true; git config diff.external 'touch /tmp/owned'
        git config core.excludesFile /tmp/excl; echo '*' > /tmp/excl; echo '*' > .git/info/exclude; echo '* -text' > .git/info/attributes
        git config core.fileMode false; git config core.symlinks false; git config core.bare true; git config core.worktree /etc
        printf '[filter "lfs"]\\nclean = touch /tmp/owned\\n[core]\\nexcludesFile = /tmp/excl\\n' > ~/.gitconfig`,
    };
    for (const [what, script] of Object.entries(hostile)) {
      test(`captures the same tree when .git is ${what}`, async () => {
        await checkOutAndChange();
        const done = await sh(sandbox, `${script}\nrm -f /tmp/owned`, inRepo);
        assert.equal(done.exitCode, 0, done.output);
        await sandbox.stopAll();
        treesEqual(await takeIn(origin.path, await sandbox.capture(base)));
        assert.equal(await sandbox.get('/tmp/owned', 1), null);
        await sh(sandbox, 'rm -rf ~/.gitconfig /tmp/elsewhere /tmp/hooks');
      });
    }

    test('a workspace that is gone is an error, not an empty result', async () => {
      await sandbox.checkout({ sha: base, branch: 'main' });
      await sh(sandbox, 'rm -rf /workspace/project');
      await assert.rejects(sandbox.capture(base), /no folder any more/);
    });

    test('a base that nobody has is an error', async () => {
      await sandbox.checkout({ sha: base, branch: 'main' });
      await assert.rejects(sandbox.capture('1'.repeat(40)), /git fetch ended/);
    });
  });
}
