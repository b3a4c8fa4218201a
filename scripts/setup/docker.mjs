/** A Docker engine that answers; on Debian as root it is installed and started. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canInstallPackages, ensurePackages } from './apt.mjs';
import { cacheDir, lastLine, run, runAsScript } from './common.mjs';

const ANSWER_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 250;

/** @returns {Promise<import('./common.mjs').Step>} */
export async function ensureDocker(log = () => {}) {
  const version = await engineVersion();
  if (version) return { ok: true, detail: `Docker ${version}` };
  if (process.env.DOCKER_HOST) {
    return { ok: false, reason: `No Docker engine answers at DOCKER_HOST (${process.env.DOCKER_HOST}).` };
  }
  if (!canInstallPackages()) {
    return { ok: false, reason: 'No Docker engine answers: install and start Docker.' };
  }
  const packages = await ensurePackages(['docker.io', 'iptables'], log);
  if (!packages.ok) return packages;
  // Where there is a service manager the package has started it meanwhile.
  return (await engineVersion()) ? ensureDocker(log) : startEngine(log);
}

async function engineVersion() {
  const { code, out } = await run('docker', ['version', '--format', '{{.Server.Version}}'], {
    timeoutMs: ANSWER_TIMEOUT_MS,
  });
  return code === 0 ? out.trim() : null;
}

/** The engine outlives us: it serves the next run too. */
async function startEngine(log) {
  const logFile = join(cacheDir(), 'dockerd.log');
  log(`Starting dockerd (log: ${logFile}) …`);
  const fd = openSync(logFile, 'a');
  const daemon = spawn('dockerd', [], { detached: true, stdio: ['ignore', fd, fd] });
  closeSync(fd);
  let ended = false;
  daemon.on('error', () => (ended = true));
  daemon.on('exit', () => (ended = true));
  daemon.unref();
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && !ended) {
    const version = await engineVersion();
    if (version) return { ok: true, detail: `Docker ${version}, started` };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const tail = lastLine(readFileSync(logFile, 'utf8'));
  return { ok: false, reason: `dockerd ${ended ? 'ended' : 'did not answer in time'}: ${tail}` };
}

await runAsScript(import.meta.url, ensureDocker);
