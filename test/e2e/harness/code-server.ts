/**
 * A real VS Code server (code-server) for one test file: fresh folders, our extension installed from
 * its package, everything gone afterwards.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const START_TIMEOUT_MS = 60_000;
/** Of the build, and never packed. */
const INSTALLED = join(import.meta.dirname, '../../../dist/test/extensions');
const MADE_AT = '.made-at';
const POLL_MS = 100;

export interface CodeServerOptions {
  /** Packages (.vsix) to install. */
  extensions: string[];
  /** On top of the quiet defaults. */
  settings?: Record<string, unknown>;
  env?: Record<string, string>;
  /** By the name of one of VS Code's own extensions: the folder of what stands in its place. */
  insteadOf?: Record<string, string>;
}

export interface CodeServer {
  /** The address of a window with this folder open. */
  folderUrl(folder: string): string;
  /** And with the folders of a `.code-workspace` file. */
  workspaceUrl(file: string): string;
  /** Empty folders of this server, removed with it: for repositories, data, results. */
  newFolder(name: string): Promise<string>;
  /** What server and extension host wrote, for a test that failed. */
  logs(): Promise<string>;
  stop(): Promise<void>;
}

/** Nothing that moves, asks or covers what a test wants to see. */
const QUIET_SETTINGS = {
  'workbench.colorTheme': 'Dark Modern',
  'window.autoDetectColorScheme': false,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'chat.disableAIFeatures': true,
  'telemetry.telemetryLevel': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'git.autofetch': false,
  'git.openRepositoryInParentFolders': 'never',
  'window.commandCenter': false,
  'editor.accessibilitySupport': 'off',
};

export async function startCodeServer(options: CodeServerOptions): Promise<CodeServer> {
  const entry = requiredPath('CODEX_TASKS_TEST_CODE_SERVER');
  const installed = await installedExtensions(entry, options.extensions);
  const root = await realpath(await mkdtemp(join(tmpdir(), 'codex-e2e-')));
  const userData = join(root, 'user-data');
  const common = [
    ...['--user-data-dir', userData],
    ...['--extensions-dir', join(root, 'extensions')],
    ...['--config', join(root, 'config.yaml')],
  ];
  // A home of its own: neither git's nor the backend's configuration of this person counts.
  const env = { ...process.env, HOME: join(root, 'home'), XDG_CONFIG_HOME: '', ...options.env };
  await mkdir(join(root, 'home'));
  await writeFile(join(root, 'config.yaml'), '');
  await mkdir(join(userData, 'User'), { recursive: true });
  await writeFile(
    join(userData, 'User/settings.json'),
    JSON.stringify({ ...QUIET_SETTINGS, ...options.settings }, null, 2),
  );
  await copyExtensions(installed, join(root, 'extensions'));
  const builtIn = options.insteadOf
    ? await builtInWith(entry, join(root, 'built-in'), options.insteadOf)
    : null;

  const port = await freePort();
  const server = spawn(
    process.execPath,
    [
      entry,
      ...common,
      ...['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`],
      ...['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'],
      '--disable-getting-started-override',
      ...(builtIn === null ? [] : ['--builtin-extensions-dir', builtIn]),
    ],
    { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let output = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.on('data', (bytes: Buffer) => (output += bytes.toString('utf8')));
  }
  const stop = async () => {
    await endGroup(server);
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await answers(`http://127.0.0.1:${port}/healthz`, server);
  } catch (error) {
    await stop();
    throw new Error(`code-server did not start: ${String(error)}\n${output}`);
  }
  return {
    workspaceUrl: (file) => `http://127.0.0.1:${port}/?workspace=${encodeURIComponent(file)}`,
    folderUrl: (folder) => `http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}`,
    newFolder: async (name) => {
      const folder = join(root, name);
      await mkdir(folder, { recursive: true });
      return folder;
    },
    logs: async () => `${output}\n${await extensionHostLogs(join(userData, 'logs'))}`,
    stop,
  };
}

/** Set by `npm test`; a test file run by hand names what it needs. */
export function requiredPath(variable: string): string {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} is not set: run this through npm run test:e2e.`);
  return path;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * A folder with these packages installed, for copies: installing them anew for every test file takes as long
 * as starting the server. By their content, so that a changed one is installed again.
 */
async function installedExtensions(entry: string, packages: string[]): Promise<string> {
  const hash = createHash('sha256').update(entry);
  for (const path of packages) hash.update(await readFile(path));
  const folder = join(INSTALLED, hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  await mkdir(INSTALLED, { recursive: true });
  const aside = await mkdtemp(join(INSTALLED, 'making-'));
  try {
    const extensions = join(aside, 'extensions');
    const data = ['--user-data-dir', join(aside, 'user-data'), '--config', join(aside, 'config.yaml')];
    await writeFile(join(aside, 'config.yaml'), '');
    const installs = packages.flatMap((path) => ['--install-extension', path]);
    await runToEnd(entry, ['--extensions-dir', extensions, ...data, ...installs, '--force'], process.env);
    await writeFile(join(extensions, MADE_AT), extensions);
    await rename(extensions, folder);
  } finally {
    await rm(aside, { recursive: true, force: true, maxRetries: 5 });
  }
  return folder;
}

/** The list of them holds where they are. */
async function copyExtensions(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
  const list = join(to, 'extensions.json');
  const text = await readFile(list, 'utf8');
  await writeFile(list, text.replaceAll(await readFile(join(from, MADE_AT), 'utf8'), to));
}

/** One of VS Code's own can't be installed over, or be disabled from outside. */
async function builtInWith(
  entry: string,
  folder: string,
  insteadOf: Readonly<Record<string, string>>,
): Promise<string> {
  const own = join(dirname(entry), '../../lib/vscode/extensions');
  await mkdir(folder);
  for (const name of await readdir(own))
    await symlink(insteadOf[name] ?? join(own, name), join(folder, name));
  return folder;
}

async function runToEnd(entry: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, [entry, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => (output += bytes.toString('utf8')));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`code-server ${args.join(' ')} ended with ${code}:\n${output}`);
}

async function answers(url: string, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`it ended with ${server.exitCode}`);
    const response = await fetch(url).catch(() => null);
    if (response?.ok) return;
    if (Date.now() > deadline) throw new Error('it does not answer');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The server, its extension hosts and what these started. */
async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const ended = once(child, 'exit');
  // At once: all that it could still save is removed with its folder.
  killGroup(child.pid);
  await ended;
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

async function extensionHostLogs(folder: string): Promise<string> {
  const { glob } = await import('node:fs/promises');
  const parts: string[] = [];
  for await (const file of glob('**/*.log', { cwd: folder })) {
    if (!/exthost|Codex/i.test(file)) continue;
    parts.push(`── ${file}\n${await readFile(join(folder, file), 'utf8')}`);
  }
  return parts.join('\n');
}
