/**
 * code-server: the real VS Code with a real extension host, served to a browser. In our cache folder.
 *
 * Its post-install compiles native modules for the Node that runs npm. That must be the Node it runs
 * on later (24), with that Node's own headers, and no download of them is possible everywhere: so the
 * npm package of the Node binary, which carries its headers, is installed beside it first.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { canInstallPackages, ensurePackages, missingPackages } from './apt.mjs';
import { cacheDir, lastLine, run, runAsScript } from './common.mjs';

export const CODE_SERVER_VERSION = '4.139.1';
const NODE_VERSION = '24.21.0';
const PACKAGES = ['libkrb5-dev', 'libsecret-1-dev', 'libxkbfile-dev', 'g++', 'make', 'python3'];
const INSTALL_TIMEOUT_MS = 20 * 60_000;

/** @returns {Promise<import('./common.mjs').Step>} `path` is the script to run on Node 24. */
export async function ensureCodeServer(log = () => {}) {
  const folder = cacheDir('code-server');
  const entry = join(folder, 'node_modules/code-server/out/node/entry.js');
  const done = { ok: true, detail: `code-server ${CODE_SERVER_VERSION}`, path: entry };
  // Written last: a folder without it is an installation that was interrupted.
  const stamp = join(folder, 'installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === CODE_SERVER_VERSION && existsSync(entry)) {
    return done;
  }
  if (process.platform !== 'linux') return { ok: false, reason: 'code-server is set up on Linux only.' };
  const missing = await missingPackages(PACKAGES);
  if (missing.length > 0) {
    if (!canInstallPackages()) {
      return { ok: false, reason: `code-server needs ${missing.join(', ')} to be built: install them.` };
    }
    const packages = await ensurePackages(missing, log);
    if (!packages.ok) return packages;
  }
  const node = await ensureNodeWithHeaders();
  if (!node.ok) return node;

  log(`Installing code-server ${CODE_SERVER_VERSION} (about three minutes, once) …`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const allowScripts = { 'code-server': true, argon2: true };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts }));
  const installed = await npmInstall(folder, `code-server@${CODE_SERVER_VERSION}`, {
    PATH: join(node.path, 'bin') + delimiter + process.env.PATH,
    npm_config_nodedir: node.path,
  });
  writeFileSync(join(folder, 'install.log'), installed.out);
  if (installed.code !== 0 || !existsSync(entry)) {
    return { ok: false, reason: `code-server could not be installed: ${lastLine(installed.out)}` };
  }
  writeFileSync(stamp, CODE_SERVER_VERSION);
  return done;
}

/** `path` is a folder with `bin/node` and `include/node`. */
async function ensureNodeWithHeaders() {
  const name = `node-linux-${process.arch}`;
  const folder = cacheDir(`node-${NODE_VERSION}`);
  const path = join(folder, 'node_modules', name);
  if (!existsSync(join(path, 'include/node/config.gypi'))) {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const installed = await npmInstall(folder, `${name}@${NODE_VERSION}`, {});
    if (installed.code !== 0) {
      return {
        ok: false,
        reason: `${name}@${NODE_VERSION} could not be installed: ${lastLine(installed.out)}`,
      };
    }
  }
  return { ok: true, detail: name, path };
}

function npmInstall(folder, spec, env) {
  return run('npm', ['install', '--save-exact', '--no-fund', '--no-audit', spec], {
    cwd: folder,
    env: { ...withoutNpm(process.env), CI: '1', ...env },
    timeoutMs: INSTALL_TIMEOUT_MS,
  });
}

/**
 * Undefined for all that an npm which runs a script of this project sets for it: its folder, its silence,
 * and its user agent, by which code-server takes the Node of that npm for the one it is installed with.
 */
function withoutNpm(env) {
  const inherited = Object.keys(env).filter((name) => /^npm_/i.test(name));
  return Object.fromEntries(inherited.map((name) => [name, undefined]));
}

await runAsScript(import.meta.url, ensureCodeServer);
