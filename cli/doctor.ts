/**
 * `codex-tasks doctor`: what the backend needs, each one line with what to do. It changes nothing:
 * what it tries, it removes. Exit code 1 when something fails without which no task can run.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, constants, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { defaultDataDir, findBackend } from '../client/backend-process/index.ts';
import { bytesWords, durationWords, errorWords } from '../client/words/index.ts';
import { CodexError, errorText } from '../protocol/errors.ts';
import { LIMIT_NAMES, type LimitValues } from '../protocol/limits.ts';
import { EXIT } from '../protocol/result.ts';
import { readSettings } from '../server/config.ts';
import type { OwnerRules } from '../server/egress/policy/index.ts';
import { createDriver, reportConfinement } from '../server/sandbox/index.ts';
import type { ConfinementReport } from '../server/sandbox/index.ts';
import { keySource, openKeys } from '../server/secrets/keys/index.ts';
import { fail, ok, warn, type Check } from './doctor/check.ts';
import { checkForges } from './doctor/forges.ts';
import { checkModels } from './doctor/models.ts';
import { paint, tameLine, wantsColour } from './terminal.ts';
import { parse } from './usage.ts';

const HELP = `codex-tasks doctor [--data DIR] [--json]

Checks Docker, git, Node, the local sandbox, the data folder, the keys of secrets, the model's endpoint,
forges and the disk, each one line: ok, warn or fail, what was found, and what to do. Also prints what confines
a Docker sandbox, the limits that hold, and what the owner’s configuration adds to internet access.
`;

/** Snapshots are pushed with options that git has from here on. */
const OLDEST_GIT = [2, 25] as const;
const OLDEST_NODE_MAJOR = 22;
/** An image, a database and some repositories. */
const DISK_WARN_BYTES = 5 * 1024 ** 3;
const DISK_FAIL_BYTES = 512 * 1024 ** 2;
const COMMAND_TIMEOUT_MS = 10_000;

export async function doctor(args: string[]): Promise<number> {
  const { values } = parse(
    args,
    { data: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    false,
  );
  if (values.help) {
    process.stdout.write(HELP);
    return EXIT.completed;
  }
  const dataDir = resolve(values.data ?? defaultDataDir());
  const { limits, egress, sandboxRuntime } = await readSettings(dataDir);
  // No engine answers: the check of Docker says so.
  const confinement = await reportConfinement(sandboxRuntime).catch(() => null);
  const checks = [...(await runChecks(dataDir, sandboxRuntime)), ...checkConfinement(confinement)];
  const owner = {
    ...egress,
    ...(egress.upstreamProxy ? { upstreamProxy: proxyShown(egress.upstreamProxy) } : {}),
  };
  if (values.json)
    process.stdout.write(`${JSON.stringify({ checks, confinement, limits, egress: owner })}\n`);
  else print(checks, confinement, limits, owner);
  return checks.some((check) => check.state === 'fail') ? EXIT.failed : EXIT.completed;
}

export async function runChecks(dataDir: string, sandboxRuntime?: string): Promise<Check[]> {
  const [docker, bubblewrap, ...rest] = await Promise.all([
    checkDocker(sandboxRuntime),
    checkLocalSandbox(),
    checkGit(),
    checkNode(),
    checkDataFolder(dataDir),
    checkDisk(dataDir),
    checkModels(dataDir),
    checkForges(dataDir),
    checkSecretKeys(dataDir),
    checkBackend(dataDir),
  ]);
  return [...withOneSandbox(docker, bubblewrap), ...rest.flat()];
}

/** One of the two is enough; without Docker a person has to agree to the other. */
function withOneSandbox(docker: Check, local: Check): Check[] {
  if (docker.state === 'ok') return [docker, local];
  return local.state === 'ok' ? [{ ...docker, state: 'warn' }, local] : [docker, { ...local, state: 'fail' }];
}

/** One line for each weakness, and one for the room that images and sandboxes have. */
function checkConfinement(report: ConfinementReport | null): Check[] {
  if (report === null) return [];
  const weak = report.weaknesses.map((sentence) => warn('confinement', sentence, ''));
  if (report.freeBytes === null) return weak;
  return [
    ...weak,
    checkRoom('docker disk', report.freeBytes, 'Free some space where Docker keeps its images.'),
  ];
}

async function checkDocker(runtime: string | undefined): Promise<Check> {
  const name = 'docker';
  // A driver keeps its notes in a data folder; the person's own stays as it is.
  const scratch = await mkdtemp(join(tmpdir(), 'codex-tasks-doctor-'));
  try {
    const options = { dataDir: scratch, ...(runtime === undefined ? {} : { runtime }) };
    const health = await createDriver({ kind: 'docker', ...options }).check();
    return health.ok
      ? ok(name, health.detail)
      : fail(name, health.detail, 'Install or start Docker, or use --sandbox local.');
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function checkLocalSandbox(): Promise<Check> {
  const name = 'local sandbox';
  const scratch = await mkdtemp(join(tmpdir(), 'codex-tasks-doctor-'));
  try {
    const health = await createDriver({ kind: 'local', dataDir: scratch }).check();
    return health.ok
      ? ok(name, health.detail)
      : warn(name, health.detail, 'It is only needed to run without Docker: docs/local-sandbox.md.');
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function checkGit(): Promise<Check> {
  const name = 'git';
  const version = await output('git', ['--version']);
  if (version === null) return fail(name, 'not found', 'Install git.');
  const numbers = /(\d+)\.(\d+)/.exec(version);
  const [major, minor] = [Number(numbers?.[1] ?? 0), Number(numbers?.[2] ?? 0)];
  const old = major < OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor < OLDEST_GIT[1]);
  return old ? fail(name, version, `Update it to ${OLDEST_GIT.join('.')} or newer.`) : ok(name, version);
}

async function checkNode(): Promise<Check> {
  const detail = `Node ${process.versions.node}`;
  return Number(process.versions.node.split('.')[0]) < OLDEST_NODE_MAJOR
    ? fail('node', detail, `Update it to ${OLDEST_NODE_MAJOR} or newer.`)
    : ok('node', detail);
}

async function checkDataFolder(dataDir: string): Promise<Check> {
  const name = 'data folder';
  const parent = await nearestFolder(dataDir);
  const probe = join(parent, `.codex-tasks-${randomUUID()}`);
  try {
    await writeFile(probe, 'x', { flag: 'wx' });
    return ok(name, parent === dataDir ? dataDir : `${dataDir} (made on first use)`);
  } catch (error) {
    return fail(name, `${dataDir}: ${errorText(error)}`, 'Make it writable, or choose another with --data.');
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}

async function checkDisk(dataDir: string): Promise<Check> {
  const { bavail, bsize } = await statfs(await nearestFolder(dataDir));
  return checkRoom('disk', bavail * bsize, 'Free some space, or choose another folder with --data.');
}

function checkRoom(name: string, free: number, advice: string): Check {
  const detail = `${bytesWords(free)} free`;
  if (free < DISK_FAIL_BYTES) return fail(name, detail, advice);
  return free < DISK_WARN_BYTES ? warn(name, detail, advice) : ok(name, detail);
}

async function checkSecretKeys(dataDir: string): Promise<Check> {
  const name = 'keys of secrets';
  try {
    const { secretKeys } = await readSettings(dataDir);
    const source = keySource(secretKeys, dataDir);
    const ids = await (await openKeys(secretKeys, dataDir)).ids();
    if (ids.length === 0) return ok(name, `${source} (made with the first secret)`);
    return ok(name, `${ids.length === 1 ? '1 key' : `${ids.length} keys`} from ${source}, newest ${ids[0]}`);
  } catch (error) {
    if (!(error instanceof CodexError)) throw error;
    return fail(name, errorWords(error.wire).text, 'Secrets can’t be set or used until then.');
  }
}

async function checkBackend(dataDir: string): Promise<Check> {
  const running = await findBackend(dataDir);
  return ok(
    'backend',
    running
      ? `runs at ${running.url}, process ${running.pid}, version ${running.version}`
      : 'none runs on this data folder',
  );
}

/** Its password is nobody's business. */
function proxyShown(address: string): string {
  const url = new URL(address);
  if (url.password !== '') url.password = '***';
  return url.href;
}

function print(
  checks: Check[],
  confinement: ConfinementReport | null,
  limits: LimitValues,
  egress: OwnerRules,
): void {
  const colours = paint(wantsColour(process.stdout));
  const mark = { ok: colours.green('ok  '), warn: colours.yellow('warn'), fail: colours.red('fail') };
  for (const { state, name, detail, advice } of checks) {
    const parts = [name, tameLine(detail), ...(advice === '' ? [] : [advice])];
    process.stdout.write(`${mark[state]} ${parts.join(' — ')}\n`);
  }
  if (confinement !== null) {
    process.stdout.write('\nWhat confines a Docker sandbox\n');
    for (const { name, value } of confinement.lines) process.stdout.write(`  ${name} ${tameLine(value)}\n`);
  }
  process.stdout.write('\nLimits\n');
  for (const name of LIMIT_NAMES) process.stdout.write(`  ${name} ${limitValue(name, limits[name])}\n`);
  process.stdout.write('\nInternet access, beside what each environment says\n');
  const privates = egress.allowPrivate.map(({ host, cidr }) => `${host} in ${cidr}`);
  const lines = {
    allowPrivate: privates.join(', ') || 'none',
    upstreamProxy: egress.upstreamProxy ?? 'none',
    extraCa: egress.extraCa ?? 'none',
    intercept: egress.intercept,
  };
  for (const [name, value] of Object.entries(lines)) process.stdout.write(`  ${name} ${tameLine(value)}\n`);
}

function limitValue(name: string, value: number): string {
  if (name.endsWith('Bytes')) return bytesWords(value);
  if (name.endsWith('BytesPerSecond')) return `${bytesWords(value)} a second`;
  return name.endsWith('Ms') ? durationWords(value) : String(value);
}

async function nearestFolder(path: string): Promise<string> {
  try {
    await access(path, constants.F_OK);
    return path;
  } catch {
    return dirname(path) === path ? path : nearestFolder(dirname(path));
  }
}

/** The first line that it printed, or null when it failed. */
async function output(command: string, args: string[]): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { timeout: COMMAND_TIMEOUT_MS });
    return stdout.split('\n')[0]?.trim() ?? '';
  } catch {
    return null;
  }
}
