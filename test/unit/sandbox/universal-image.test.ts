/** The universal image's switch of versions, run on folders of the test's own with programs that pretend. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, test } from 'node:test';

const SCRIPT = fileURLToPath(new URL('../../../images/universal/setup_universal.sh', import.meta.url));

describe('setup_universal.sh', { skip: process.platform === 'linux' ? false : 'it runs on Linux' }, () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'codex-universal-'));
    for (const one of ['node/20.2.0', 'node/20.10.0', 'node/24.1.0', 'java/21.0.1', 'java/25', 'php/8.4.1'])
      mkdirSync(join(dir, 'versions', one, 'bin'), { recursive: true });
    mkdirSync(join(dir, 'current'));
    for (const one of ['node/24.1.0', 'java/21.0.1', 'php/8.4.1'])
      symlinkSync(join(dir, 'versions', one), join(dir, 'current', dirname(one)));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  function program(name: string, text: string): void {
    const path = join(dir, 'bin', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/bash\n${text}\n`);
    chmodSync(path, 0o755);
  }

  function run(versions: Record<string, string>): { code: number | null; out: string; err: string } {
    const env: Record<string, string> = {
      PATH: `${join(dir, 'bin')}:/usr/bin:/bin`,
      HOME: dir,
      LANG: 'C.UTF-8',
      CODEX_UNIVERSAL_ROOT: dir,
    };
    for (const [language, version] of Object.entries(versions))
      env[`CODEX_ENV_${language.toUpperCase()}_VERSION`] = version;
    const { status, stdout, stderr } = spawnSync('bash', [SCRIPT], { env, encoding: 'utf8' });
    return { code: status, out: stdout, err: stderr };
  }
  const inUse = (language: string): string =>
    readlinkSync(join(dir, 'current', language)).slice(dir.length + 10);

  test('part of a version asks for the newest of it that is installed', () => {
    assert.deepEqual(run({ node: '20' }), {
      code: 0,
      out: 'node 20.10.0 is in use, and no longer 24.1.0.\n',
      err: '',
    });
    assert.equal(inUse('node'), 'node/20.10.0');
    assert.equal(run({ node: 'v20.2' }).code, 0);
    assert.equal(inUse('node'), 'node/20.2.0');
    assert.equal(run({ java: '25' }).code, 0);
    assert.equal(inUse('java'), 'java/25');
    assert.equal(inUse('php'), 'php/8.4.1');
  });

  test('what fits stays as it is; no version, no switch', () => {
    assert.deepEqual(run({ node: '24', java: '21.0.1' }), {
      code: 0,
      out: 'node 24.1.0 is in use.\njava 21.0.1 is in use.\n',
      err: '',
    });
    assert.deepEqual(run({ node: '' }), { code: 0, out: '', err: '' });
  });

  test('what can’t be had is a sentence with what there is, and the others are switched all the same', () => {
    program('npm', 'echo "npm error notarget No matching version"; exit 1');
    const { code, out, err } = run({ node: '2', java: '25', php: '7.4', go: '1.1', swift: 'x y' });
    assert.equal(code, 1);
    assert.match(out, /java 25 is in use/);
    assert.deepEqual(err.trim().split('\n'), [
      'node 2 can’t be had here: npm, asked for node-linux-' +
        `${process.arch}@2, said: npm error notarget No matching version. There is 20.2.0, 20.10.0, 24.1.0.`,
      'go 1.1 can’t be had here: mise is not installed. There is none in the image.',
      'swift: “x y” is no version.',
      'php 7.4 can’t be had here: other versions of PHP would have to be compiled. There is 8.4.1.',
    ]);
    assert.deepEqual([inUse('node'), inUse('java'), inUse('php')], ['node/24.1.0', 'java/25', 'php/8.4.1']);
  });

  test('a version is never a part of a command', () => {
    program('npm', 'touch "$HOME/ran"');
    for (const version of ['--help', '$(touch x)', '../../x', 'latest', '20;ls', 'x'.repeat(40)])
      assert.equal(run({ node: version }).code, 1, version);
    assert.equal(existsSync(join(dir, 'ran')), false);
  });

  test('another version of Node comes from the npm registry, and is there from then on', () => {
    const name = `node-linux-${process.arch}`;
    program(
      'npm',
      `echo "$@" >> "$HOME/asked"
       package=$3/node_modules/${name}
       mkdir -p "$package/bin" "$package/include"
       printf '#!/bin/bash\\necho v18.4.0\\n' > "$package/bin/node"; chmod 755 "$package/bin/node"`,
    );
    assert.equal(run({ node: '18.4' }).code, 0);
    assert.equal(inUse('node'), 'node/18.4.0');
    assert.equal(execFileSync(join(dir, 'current/node/bin/node'), { encoding: 'utf8' }), 'v18.4.0\n');
    assert.equal(run({ node: '24' }).code, 0);
    rmSync(join(dir, 'bin/npm'));
    assert.equal(run({ node: '18' }).code, 0);
    assert.equal(inUse('node'), 'node/18.4.0');
  });

  test('a package that holds another version than its name says is not used', () => {
    program(
      'npm',
      `mkdir -p "$3/node_modules/node-linux-${process.arch}/bin" "$3/node_modules/node-linux-${process.arch}/include"
       cd "$3/node_modules/node-linux-${process.arch}/bin"; printf '#!/bin/bash\\necho v1.0.0\\n' > node; chmod 755 node`,
    );
    assert.equal(run({ node: '18' }).code, 1);
    assert.equal(inUse('node'), 'node/24.1.0');
  });

  test('other languages come through mise, Rust from the folder of rustup', () => {
    program(
      'mise',
      `case $1 in
         install) [ "$PWD" = / ] || exit 1
           case $3 in
             go@1.99) echo 'mise ERROR Failed to install core:go@1.99: error sending request'; exit 1 ;;
             rust@*) mkdir -p "$HOME/.rustup/toolchains/1.80.1-x/bin"
               printf '#!/bin/bash\\necho rustc 1.80.1 "(x 2024)"\\n' > "$HOME/.rustup/toolchains/1.80.1-x/bin/rustc"
               chmod 755 "$HOME/.rustup/toolchains/1.80.1-x/bin/rustc" ;;
             *) mkdir -p "$HOME/installs/3.12.4/bin"; ln -sfn 3.12.4 "$HOME/installs/3.12" ;;
           esac ;;
         where) echo "$HOME/installs/3.12" ;;
       esac`,
    );
    const { code, err } = run({ python: '3.12', rust: '1.80', go: '1.99' });
    assert.equal(code, 1);
    assert.match(
      err,
      /^go 1\.99 can’t be had here: mise said: mise ERROR Failed to install core:go@1\.99: error sending request\. There is none/,
    );
    assert.deepEqual([inUse('python'), inUse('rust')], ['python/3.12.4', 'rust/1.80.1']);
    assert.ok(existsSync(join(dir, 'current/rust/bin/rustc')));
  });
});
