/** Environments and the egress log as a person reads them in a terminal. Text only. */
import {
  accessWords,
  bytesWords,
  durationWords,
  phaseWords,
  reasonWords,
  VERDICT_WORDS,
} from '../../client/words/index.ts';
import { accessLevel, type AccessPolicy } from '../../protocol/egress.ts';
import type { EgressEntry, Environment, StoredEnvironment } from '../../protocol/environment.ts';
import { tameLine, type Paint } from '../terminal.ts';

const PRESETS: Record<AccessPolicy['preset'], string> = {
  none: 'only these domains',
  common: 'common dependencies',
  all: 'all domains',
};

export function environmentLine({ name, internet, image }: StoredEnvironment, paint: Paint): string {
  const { agent } = internet;
  const more = agent.access === 'off' ? '' : paint.dim(` (${PRESETS[agent.preset]}${methodsOf(agent)})`);
  const ofImage = image === undefined ? '' : paint.dim(`  image ${tameLine(image)}`);
  return `${paint.bold(name)}  ${accessWords(accessLevel(agent))}${more}${ofImage}`;
}

/** Everything that is set; what is not set is not here. */
export function environmentLines(environment: StoredEnvironment, paint: Paint): string[] {
  const { name, internet, updatedAt, updatedBy } = environment;
  const changed =
    updatedAt === 0 ? 'as it comes' : `changed ${new Date(updatedAt).toISOString()} by ${updatedBy}`;
  return [
    `${paint.bold(name)} ${paint.dim(`(${tameLine(changed)})`)}`,
    ...policyLines('Agent', internet.agent),
    ...policyLines('Setup', internet.setup),
    ...settingLines(environment, paint),
  ];
}

/** Of a stored environment, or of what a repository says. */
export function settingLines(of: Partial<Environment>, paint: Paint): string[] {
  const { resources: { memoryBytes, cpus, pids, diskBytes } = {}, approval, allowSecretsIn } = of;
  const line = (title: string, value: string | number | undefined) =>
    value === undefined ? [] : [`  ${title}: ${tameLine(String(value))}`];
  const map = (values: Partial<Record<string, string>> | undefined, equals: string) =>
    listOf(Object.entries(values ?? {}).map(([key, value]) => `${key}${equals}${value ?? ''}`));
  const sized = (bytes: number | undefined) => (bytes === undefined ? undefined : bytesWords(bytes));
  return [
    ...line('Image', of.image),
    ...line('Versions', map(of.versions, ' ')),
    ...line('Variables', map(of.variables, '=')),
    ...line('Working directory', of.workdir === '' ? 'the repository’s root' : of.workdir),
    ...scriptLines('Setup script', of.setup, paint),
    ...scriptLines('Maintenance script', of.maintenance, paint),
    ...line('Setup may take', time(of.setupTimeoutMs)),
    ...line('A command may take', time(of.commandTimeoutMs)),
    ...line(
      'Questions wait for the setup',
      of.setupForAsk === undefined ? undefined : of.setupForAsk ? 'yes' : 'no',
    ),
    ...line('Memory', sized(memoryBytes)),
    ...line('Processors', cpus),
    ...line('Processes', pids),
    ...line('Disk', sized(diskBytes)),
    ...line('Prepared environments are used for', time(of.cacheMs)),
    ...line('Sandboxes are kept for', time(of.parkedMs)),
    ...line('Secrets may be left in', listOf(allowSecretsIn)),
    ...line('Model', of.model),
    ...line('Effort', of.effort),
    ...line('Asks before commands', approval?.policy),
    ...line('  never about', listOf(approval?.allow)),
    ...line('  never runs', listOf(approval?.deny)),
  ];
}

const listOf = (list: readonly string[] | undefined) =>
  list === undefined || list.length === 0 ? undefined : list.join(', ');

function time(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : ms === 0 ? 'off' : durationWords(ms);
}

function scriptLines(title: string, text: string | undefined, paint: Paint): string[] {
  if (text === undefined) return [];
  if (text.trim() === '') return [`  ${title}: nothing`];
  const lines = text.trimEnd().split('\n');
  return [`  ${title}:`, ...lines.map((line) => paint.dim(`    | ${tameLine(line)}`))];
}

function policyLines(whose: string, policy: AccessPolicy): string[] {
  if (policy.access === 'off') return [`  ${whose}: off`];
  const list = (title: string, domains: readonly string[]) =>
    domains.length === 0 ? [] : [`    ${title}: ${domains.map(tameLine).join(', ')}`];
  return [
    `  ${whose}: ${accessLevel(policy)}, ${PRESETS[policy.preset]}${methodsOf(policy)}`,
    ...(policy.preset === 'all' ? [] : list('allowed', policy.allow)),
    ...list('denied', policy.deny),
  ];
}

function methodsOf({ methods }: AccessPolicy): string {
  return methods === 'read' ? ', GET, HEAD and OPTIONS only' : '';
}

const TIME_CHARS = 12;
const PHASE_CHARS = 8;
const VERDICT_CHARS = 8;
const METHOD_CHARS = 8;

export function egressHead(paint: Paint): string {
  return paint.bold(row(['Time', 'Phase', 'Verdict', 'Method', 'Host'], ''));
}

export function egressLine(entry: EgressEntry, paint: Paint): string {
  const where = entry.port === null ? entry.host : `${entry.host}:${entry.port}`;
  const reason = entry.reason === null ? '' : `  ${reasonWords(entry.reason)}`;
  const bytes =
    entry.bytesIn + entry.bytesOut === 0
      ? ''
      : `  ${bytesWords(entry.bytesIn)} in, ${bytesWords(entry.bytesOut)} out`;
  const time = new Date(entry.at).toISOString().slice(11, 11 + TIME_CHARS);
  const colour = { allowed: paint.dim, denied: paint.yellow, failed: paint.red }[entry.verdict];
  return colour(
    row(
      [time, phaseWords(entry.phase), VERDICT_WORDS[entry.verdict], entry.method, where || '–'].map(tameLine),
      tameLine(`${reason}${bytes}`),
    ),
  );
}

function row([time = '', phase = '', verdict = '', method = '', host = '']: string[], rest: string): string {
  const left = [
    time.padEnd(TIME_CHARS),
    phase.padEnd(PHASE_CHARS),
    verdict.padEnd(VERDICT_CHARS),
    method.padEnd(METHOD_CHARS),
  ];
  return `${left.join('  ')}  ${host}${rest}`.trimEnd();
}
