/**
 * Makes real git repositories for tests, with everything in them that is easily lost on the way:
 * binary files, modes, symlinks, CRLF, UTF-16, names that are not UTF-8, empty files, a submodule.
 *
 * Nothing of the machine's own git configuration counts here.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const TEST_GIT_ENV: Readonly<Record<string, string>> = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
  GIT_AUTHOR_NAME: 'A Person',
  GIT_AUTHOR_EMAIL: 'person@example.com',
  GIT_COMMITTER_NAME: 'A Person',
  GIT_COMMITTER_EMAIL: 'person@example.com',
};

/** A folder of the test's own, by its real path; the test removes it. */
export function temporaryFolder(name = 'codex-test'): string {
  return realpathSync(mkdtempSync(join(tmpdir(), `${name}-`)));
}

export function removeFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

export interface GitRun {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** Runs git and says how it went. */
export function tryGit(
  dir: string,
  args: readonly string[],
  options: { input?: Uint8Array | string; env?: Record<string, string> } = {},
): GitRun {
  const run = spawnSync('git', args, {
    cwd: dir,
    env: { ...process.env, ...TEST_GIT_ENV, ...options.env },
    input: options.input ?? '',
    maxBuffer: 1024 * 1024 * 1024,
  });
  if (run.error) throw run.error;
  return { code: run.status ?? -1, stdout: run.stdout, stderr: run.stderr.toString('utf8') };
}

/** Runs git; a failure is the test's. Returns what it printed, without the last newline. */
export function git(
  dir: string,
  args: readonly string[],
  options: { input?: Uint8Array | string; env?: Record<string, string> } = {},
): string {
  return gitBytes(dir, args, options).toString('utf8').replace(/\n$/, '');
}

export function gitBytes(
  dir: string,
  args: readonly string[],
  options: { input?: Uint8Array | string; env?: Record<string, string> } = {},
): Buffer {
  const run = tryGit(dir, args, options);
  if (run.code !== 0) throw new Error(`git ${args.join(' ')} ended with ${run.code}: ${run.stderr}`);
  return run.stdout;
}

/** As `tryGit`, without blocking: for what talks to a server in this process. */
export async function tryGitAsync(
  dir: string,
  args: readonly string[],
  options: { env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<GitRun> {
  const child = spawn('git', args, {
    cwd: dir,
    env: { ...process.env, ...TEST_GIT_ENV, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 60_000,
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code: code ?? -1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') };
}

/** As `git`, without blocking. */
export async function gitAsync(
  dir: string,
  args: readonly string[],
  options: { env?: Record<string, string> } = {},
): Promise<string> {
  const run = await tryGitAsync(dir, args, options);
  if (run.code !== 0) throw new Error(`git ${args.join(' ')} ended with ${run.code}: ${run.stderr}`);
  return run.stdout.toString('utf8').replace(/\n$/, '');
}

/** Writes a file, and the folders above it. A name may be bytes. */
export function write(dir: string, name: string | Buffer, content: string | Uint8Array): void {
  const path = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(name)]);
  if (typeof name === 'string') mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(path, content);
}

/** Bytes that no text conversion leaves alone; the same for the same seed. */
export function binary(size: number, seed = 'bytes'): Buffer {
  const blocks: Buffer[] = [Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff])];
  for (let made = 10, turn = 0; made < size; made += 32, turn += 1) {
    blocks.push(createHash('sha256').update(`${seed}:${turn}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, size);
}

export const NOT_UTF8_NAME = Buffer.from('caf\xe9-\xff.txt', 'latin1');

/** An empty repository on `main`. */
export function initRepository(dir: string, options: { objectFormat?: 'sha1' | 'sha256' } = {}): string {
  mkdirSync(dir, { recursive: true });
  git(dir, ['init', '--quiet', '--initial-branch=main', `--object-format=${options.objectFormat ?? 'sha1'}`]);
  return dir;
}

export function commitAll(dir: string, message = 'A commit'): string {
  git(dir, ['add', '-A']);
  git(dir, ['commit', '--quiet', '--no-verify', '--allow-empty', '-m', message]);
  return git(dir, ['rev-parse', 'HEAD']);
}

/** A repository with one commit that holds one of everything. */
export function repositoryOfEverything(dir: string): { dir: string; head: string } {
  initRepository(dir);
  write(dir, 'README.md', '# A project\n\nSome text.\n');
  write(dir, 'src/app.js', 'export const answer = 41;\n'.repeat(20));
  write(
    dir,
    'src/old-name.js',
    Array.from({ length: 40 }, (_, n) => `export const line${n} = ${n};\n`).join(''),
  );
  write(dir, 'src/gone.js', 'export {};\n');
  write(dir, 'windows.txt', 'one\r\ntwo\r\nthree\r\n');
  write(dir, 'mixed.txt', 'one\r\ntwo\nthree');
  write(dir, 'utf16.txt', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('héllo\n', 'utf16le')]));
  write(dir, 'latin1.txt', Buffer.from('gr\xfc\xdfe\n', 'latin1'));
  write(dir, 'image.png', binary(5_000, 'image'));
  write(dir, 'gone.bin', binary(2_000, 'gone'));
  write(dir, 'empty.txt', '');
  write(dir, 'run.sh', '#!/bin/sh\necho run\n');
  write(dir, 'becomes-link', 'a file\n');
  write(dir, 'becomes-folder', 'a file\n');
  write(dir, 'with space and "quote".txt', 'quoted\n');
  write(dir, 'tab\there\nnewline.txt', 'strange\n');
  write(dir, NOT_UTF8_NAME, 'not utf-8\n');
  symlinkSync('README.md', join(dir, 'link'));
  const head = commitAll(dir, 'Everything');
  return { dir, head };
}

/** Changes of every kind to that repository's working tree; nothing is staged. */
export function changeEverything(dir: string): void {
  write(dir, 'src/app.js', 'export const answer = 42;\n' + 'export const answer = 41;\n'.repeat(19));
  renameSync(join(dir, 'src/old-name.js'), join(dir, 'src/new-name.js'));
  rmSync(join(dir, 'src/gone.js'));
  write(dir, 'windows.txt', 'one\r\nTWO\r\nthree\r\n');
  write(dir, 'mixed.txt', 'one\r\n2\nthree');
  write(
    dir,
    'utf16.txt',
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('hällo wörld\n', 'utf16le')]),
  );
  write(dir, 'image.png', binary(6_000, 'another image'));
  rmSync(join(dir, 'gone.bin'));
  write(dir, 'new.bin', binary(4_000, 'new'));
  write(dir, 'new-empty', '');
  chmodSync(join(dir, 'run.sh'), 0o755);
  rmSync(join(dir, 'becomes-link'));
  symlinkSync('src/app.js', join(dir, 'becomes-link'));
  rmSync(join(dir, 'becomes-folder'));
  write(dir, 'becomes-folder/inside.txt', 'in a folder now\n');
  rmSync(join(dir, 'link'));
  symlinkSync('src', join(dir, 'link'));
  write(dir, NOT_UTF8_NAME, 'still not utf-8\n');
  write(dir, Buffer.from('new-\xfe.txt', 'latin1'), 'new, and not utf-8\n');
  write(dir, 'deep/er/new file.txt', 'new\n');
}

/** A submodule at `path`, with a commit of its own. */
export function addSubmodule(dir: string, path: string, source: string): void {
  if (!existsSync(source)) {
    initRepository(source);
    write(source, 'module.txt', 'of the module\n');
    commitAll(source, 'Module');
  }
  git(dir, ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', source, path]);
  commitAll(dir, 'Add a submodule');
}

/**
 * Every file below the folder (`.git` too) with its mode and the hash of its content, or its target:
 * equal maps mean that nothing was touched.
 */
export function fingerprint(dir: string, skip: (path: string) => boolean = () => false): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (folder: Buffer, relative: string) => {
    for (const name of readdirSync(folder, { encoding: 'buffer' })) {
      const path = Buffer.concat([folder, Buffer.from('/'), name]);
      const shown = `${relative}${name.toString('latin1')}`;
      if (skip(shown)) continue;
      const stat = lstatSync(path);
      if (stat.isDirectory()) {
        found.set(`${shown}/`, (stat.mode & 0o777).toString(8));
        walk(path, `${shown}/`);
      } else if (stat.isSymbolicLink()) {
        found.set(shown, `-> ${readlinkSync(path)}`);
      } else {
        const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
        found.set(shown, `${(stat.mode & 0o777).toString(8)} ${hash}`);
      }
    }
  };
  walk(Buffer.from(dir), '');
  return found;
}

/** A tree object that git itself would not write. */
export function hostileTree(
  dir: string,
  entries: readonly { mode: string; name: string; sha: string }[],
): string {
  const body = Buffer.concat(
    entries.map(({ mode, name, sha }) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(sha, 'hex')]),
    ),
  );
  return git(dir, ['hash-object', '-t', 'tree', '--literally', '-w', '--stdin'], { input: body });
}
