/** The demo's own small repository, and its tests run on this machine. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DEMO_FILES } from '../../server/model/scripted/demo-repo.ts';

const TEST_TIMEOUT_MS = 60_000;

const exec = promisify(execFile);

export async function makeDemoRepository(folder: string): Promise<void> {
  for (const [path, content] of Object.entries(DEMO_FILES)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  const git = (...args: string[]) =>
    exec(
      'git',
      [
        '-c',
        'user.name=Codex Tasks',
        '-c',
        'user.email=demo@localhost',
        '-c',
        'commit.gpgSign=false',
        ...args,
      ],
      {
        cwd: folder,
      },
    );
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all');
  await git('commit', '--quiet', '--no-verify', '--message', 'Add numbers');
}

export interface TestRun {
  passed: boolean;
  /** How many passed and failed, as the runner counts. */
  summary: string;
}

/** `node --test`, with the Node that this program runs on. */
export async function runTests(folder: string): Promise<TestRun> {
  const env = { ...process.env };
  // Set by a test runner around us, they would make this one report to it.
  delete env['NODE_TEST_CONTEXT'];
  delete env['NODE_OPTIONS'];
  try {
    const { stdout } = await exec(process.execPath, ['--test'], {
      cwd: folder,
      env,
      timeout: TEST_TIMEOUT_MS,
    });
    return { passed: true, summary: summaryOf(stdout) };
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    return { passed: false, summary: summaryOf(stdout ?? '') };
  }
}

function summaryOf(output: string): string {
  const count = (name: string) => new RegExp(`^[#ℹ] ${name} (\\d+)`, 'm').exec(output)?.[1] ?? '?';
  return `${count('pass')} passed, ${count('fail')} failed`;
}
