/** Whether this machine can confine a process: no confinement is a refusal with a sentence. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { errorText } from '../../../protocol/errors.ts';
import type { SandboxHealth } from '../sandbox.ts';
import { findProgram } from './machine.ts';

const CHECK_TIMEOUT_MS = 10_000;
const NEEDED = ['bash', 'git', 'mkfifo'];

export async function checkMachine(): Promise<SandboxHealth> {
  if (process.platform !== 'linux') {
    return { ok: false, detail: 'The local sandbox is only available on Linux so far; use Docker.' };
  }
  const bwrap = findProgram('bwrap');
  const missing = [
    ...(bwrap === null ? ['bubblewrap'] : []),
    ...NEEDED.filter((name) => findProgram(name) === null),
  ];
  if (bwrap === null || missing.length > 0) {
    return {
      ok: false,
      detail: `Missing on this machine: ${missing.join(', ')} (apt-get install ${missing.join(' ')}).`,
    };
  }
  try {
    const trial = [
      '--unshare-user',
      '--unshare-all',
      '--cap-drop',
      'ALL',
      '--ro-bind',
      '/',
      '/',
      '--proc',
      '/proc',
    ];
    await promisify(execFile)(bwrap, [...trial, 'true'], { timeout: CHECK_TIMEOUT_MS });
    const { stdout } = await promisify(execFile)(bwrap, ['--version'], { timeout: CHECK_TIMEOUT_MS });
    return {
      ok: true,
      detail: `Confined local process (${stdout.trim()}); no limit on memory or processes`,
    };
  } catch (error) {
    const why = (error as { stderr?: string }).stderr?.trim() || errorText(error);
    return {
      ok: false,
      detail: `bubblewrap can't make a sandbox here: ${why} (are user namespaces allowed?)`,
    };
  }
}
