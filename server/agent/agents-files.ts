/**
 * The instructions to agents that hold for a task: the owner's own, then one file of each folder from the
 * repository's root to the working folder. A deeper one wins, so when they are too long together it is the
 * upper ones that are cut, with a mark in the text and a warning. Nothing is cut silently.
 *
 * Files in folders below are announced, and told when a command touches their folder (`deeper-files.ts`).
 */
import { posix } from 'node:path';
import { cleanText } from '../model/items.ts';
import type { AgentSandbox } from './agent.ts';
import { utf8Boundary } from './truncate.ts';

/** In every folder the first of these that says anything counts; after them the fallbacks of the owner's. */
export const AGENTS_NAMES = ['AGENTS.override.md', 'AGENTS.md'] as const;

export interface AgentsFiles {
  /** The backend's owner's, for every task. */
  global: { path: string; text: string } | null;
  /** File names that count where a folder has no `AGENTS.md`: `CLAUDE.md`, `.cursorrules`. */
  fallbacks: readonly string[];
  /** The working folder, relative to the repository's root; empty: the root. */
  folder: string;
  /** Paths, relative to the root, of all such files of the commit. */
  inRepository(): Promise<readonly string[]>;
}

export interface Cut {
  path: string;
  keptBytes: number;
}

/** One file, already cut to what it may take. */
export interface Part {
  path: string;
  text: string;
  cut: Cut | null;
}

export const NO_AGENTS_FILES: AgentsFiles = {
  global: null,
  fallbacks: [],
  folder: '',
  inRepository: async () => [],
};

/** In which order they are told: the owner's, the root's, and so on down to the working folder. */
export async function readAgentsFiles(
  sandbox: Pick<AgentSandbox, 'get' | 'workdir'>,
  files: AgentsFiles,
  maxBytes: number,
): Promise<{ parts: Part[]; deeper: string[] }> {
  const folders = foldersTo(files.folder);
  const [found, all] = await Promise.all([
    Promise.all(folders.map((folder) => readOfFolder(sandbox, folder, files.fallbacks, maxBytes))),
    files.inRepository(),
  ]);
  const read = [files.global && { path: files.global.path, bytes: Buffer.from(files.global.text) }, ...found];
  return {
    parts: withinBudget(
      read.filter((one) => one !== null),
      maxBytes,
    ),
    deeper: deeperThan(all, folders, files.fallbacks),
  };
}

/** Those of the repository that lie in other folders, one of each folder, in order. */
export function deeperThan(
  paths: readonly string[],
  told: readonly string[],
  fallbacks: readonly string[],
): string[] {
  const names = [...AGENTS_NAMES, ...fallbacks];
  const rank = (path: string) => names.indexOf(posix.basename(path));
  const best = new Map<string, string>();
  for (const path of paths) {
    const folder = folderOf(path);
    if (rank(path) < 0 || told.includes(folder)) continue;
    const other = best.get(folder);
    if (other === undefined || rank(path) < rank(other)) best.set(folder, path);
  }
  return [...best.values()].sort();
}

export function folderOf(path: string): string {
  const folder = posix.dirname(path);
  return folder === '.' ? '' : folder;
}

/** From the root (empty) down. */
export function foldersTo(folder: string): string[] {
  const parts = folder.split('/').filter((part) => part !== '' && part !== '.');
  return ['', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}

async function readOfFolder(
  sandbox: Pick<AgentSandbox, 'get' | 'workdir'>,
  folder: string,
  fallbacks: readonly string[],
  maxBytes: number,
): Promise<{ path: string; bytes: Buffer } | null> {
  const paths = [...AGENTS_NAMES, ...fallbacks].map((name) => posix.join(folder, name));
  const read = await Promise.all(paths.map((path) => readOne(sandbox, path, maxBytes)));
  const at = read.findIndex((bytes) => bytes !== null && saysSomething(bytes));
  const bytes = read[at];
  return bytes ? { path: paths[at] ?? '', bytes } : null;
}

/** One byte more than the budget tells a file that fits from one that does not. */
export function readOne(
  sandbox: Pick<AgentSandbox, 'get' | 'workdir'>,
  path: string,
  maxBytes: number,
): Promise<Buffer | null> {
  return sandbox.get(`${sandbox.workdir}/${path}`, maxBytes + 1);
}

export function saysSomething(bytes: Buffer): boolean {
  return textOf(bytes).trim() !== '';
}

/** The deepest first get what there is of the budget. */
export function withinBudget(files: readonly { path: string; bytes: Buffer }[], maxBytes: number): Part[] {
  let left = maxBytes;
  return files
    .toReversed()
    .map(({ path, bytes }): Part => {
      const isCut = bytes.length > left;
      const kept = isCut ? bytes.subarray(0, utf8Boundary(bytes, left)) : bytes;
      left -= kept.length;
      if (!isCut) return { path, text: textOf(kept), cut: null };
      const mark =
        kept.length === 0
          ? `[… ${path} is left out here, since ${maxBytes} bytes are used up: read the file for it …]`
          : `\n[… ${path} is cut here, since ${maxBytes} bytes are used up: read the file for the rest …]`;
      return { path, text: textOf(kept) + mark, cut: { path, keptBytes: kept.length } };
    })
    .toReversed();
}

function textOf(bytes: Buffer): string {
  return cleanText(bytes.toString('utf8').replace(/^\ufeff/, ''));
}

const HEAD = '# AGENTS.md instructions for ';

/** As the model gets them; null when there are none. */
export function agentsMessage(
  workdir: string,
  { parts, deeper }: { parts: readonly Part[]; deeper: readonly string[] },
): string | null {
  if (parts.length === 0 && deeper.length === 0) return null;
  const texts = parts.map(({ path, text }) => `--- ${path}\n${text.trimEnd()}`);
  const announced =
    deeper.length === 0
      ? []
      : [
          `--- further files\nThese hold for their own folders, and are told to you when a command touches one of them:\n${listed(deeper)}`,
        ];
  return `${HEAD}${workdir}\n\n<INSTRUCTIONS>\n${[...texts, ...announced].join('\n\n')}\n</INSTRUCTIONS>`;
}

/** As many as a model has use for in a list. */
const MAX_ANNOUNCED = 100;

function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, MAX_ANNOUNCED).map((path) => `- ${cleanText(path)}`);
  const more = paths.length - shown.length;
  return [...shown, ...(more > 0 ? [`- and ${more} more (git ls-files '*AGENTS.md')`] : [])].join('\n');
}

/** How such a message is found again in a history. */
export function isAgentsMessage(text: string): boolean {
  return text.startsWith(HEAD);
}
