/**
 * What every command of a fresh clone needs before it can start: the dependencies, Node 24 among
 * them, and the bundles. Runs on Node 20 with nothing installed; does nothing when all is there.
 *
 * It never installs into a tree that fits the lock file, and never trusts times: a checkout has new
 * times and old content.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const windows = process.platform === 'win32';

/** The Node that the product's scripts run on: the npm package `node`, or this one if it is new enough. */
export function nodeBinary() {
  const packaged = join(ROOT, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node');
  return existsSync(packaged) ? packaged : process.execPath;
}

/** The environment in which that Node stands first on the PATH. */
export function nodeEnvironment(env = process.env) {
  const name = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  const first = [dirname(nodeBinary()), join(ROOT, 'node_modules', '.bin')];
  return { ...env, [name]: [...first, env[name]].filter(Boolean).join(windows ? ';' : ':') };
}

/** Installs what the lock file names when what is there is something else. */
export function ensureDependencies() {
  const missing = misfit();
  if (missing === null) return false;
  say(`Installing dependencies (${missing})…`);
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const [command, rest] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  run(command, rest, { shell: windows && command === 'npm' });
  const still = misfit();
  if (still !== null) throw new Error(`npm ci ended well, but ${still}.`);
  return true;
}

/** Which sources each bundle is made of. */
const SOURCES = {
  cli: ['protocol', 'client', 'cli', 'server'],
  runner: ['protocol', 'runner'],
  extension: ['protocol', 'client', 'extension'],
  webview: ['protocol', 'client', 'webview'],
};
const COMMON = ['esbuild.config.mjs', 'package.json', 'package-lock.json', 'tsconfig.json', 'images'];

/** Builds those of the named bundles whose sources changed since they were built. */
export function ensureBuild(names = Object.keys(SOURCES)) {
  const stamps = join(ROOT, 'dist', '.stamps');
  const common = hashOf(COMMON);
  const wanted = new Map(names.map((name) => [name, `${common}-${hashOf(SOURCES[name])}`]));
  const stale = names.filter((name) => read(join(stamps, name)) !== wanted.get(name));
  if (stale.length === 0) return false;
  say(`Building ${stale.join(', ')}…`);
  run(nodeBinary(), ['esbuild.config.mjs', ...stale], { env: nodeEnvironment() });
  mkdirSync(stamps, { recursive: true });
  for (const name of stale) writeFileSync(join(stamps, name), wanted.get(name));
  return true;
}

/** Why node_modules is not what the lock file names, or null. */
function misfit() {
  const lock = readJson(join(ROOT, 'package-lock.json'));
  const installed = readJson(join(ROOT, 'node_modules', '.package-lock.json'));
  if (!lock?.packages) throw new Error('package-lock.json is missing or broken.');
  if (!installed?.packages) return 'none are installed';
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '') continue;
    const there = installed.packages[path];
    if (!there && !entry.optional) return `${path} is missing`;
    if (there && there.version !== entry.version) return `${path} is ${there.version}, not ${entry.version}`;
  }
  if (!existsSync(join(ROOT, 'node_modules', 'node', 'bin')) && major(process.versions.node) < 24) {
    return 'Node 24 is missing';
  }
  return null;
}

function hashOf(paths) {
  const hash = createHash('sha256');
  for (const file of paths.flatMap((path) => filesIn(path))) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

function filesIn(path) {
  const full = join(ROOT, path);
  if (!existsSync(full)) return [];
  let entries;
  try {
    entries = readdirSync(full, { withFileTypes: true });
  } catch {
    return [path];
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesIn(`${path}/${entry.name}`) : [`${path}/${entry.name}`]));
}

/** Runs to the end with this terminal; throws when it ends badly. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
  if (result.error) throw new Error(`${command} could not be started: ${result.error.message}`);
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${result.status ?? result.signal}.`);
}

/** On standard error: standard output belongs to the command's own result. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function major(version) {
  return Number(version.split('.')[0]);
}
