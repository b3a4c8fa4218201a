/**
 * Instructions of folders below the working folder: told once, when a command first touches their folder.
 * Which were told is read off the history, as the model knows it now: what a summary took away is told again.
 */
import type { ResponseItem } from '../model/model.ts';
import type { AgentSandbox } from './agent.ts';
import { folderOf, readOne, saysSomething, withinBudget, type Cut } from './agents-files.ts';
import { currentItems, isCallItem } from './history.ts';

/** The field is for us: it never leaves. */
type StoredInstructions = ResponseItem & { codexAgentsFile: string };

/** Those of `paths` whose folders the calls since `since` name, and that the model does not know yet. */
export function touchedFiles(
  paths: readonly string[],
  items: readonly ResponseItem[],
  since: number,
  workdir: string,
): string[] {
  if (paths.length === 0) return [];
  const calls = items
    .slice(since)
    .filter(isCallItem)
    .map((item) => JSON.stringify(item));
  if (calls.length === 0) return [];
  const known = new Set(currentItems(items).flatMap((item) => (isTold(item) ? [item.codexAgentsFile] : [])));
  return paths.filter(
    (path) => !known.has(path) && calls.some((call) => names(call, folderOf(path), workdir)),
  );
}

/** Whether a call's text has the folder as a path, or as the beginning of one. */
export function names(call: string, folder: string, workdir: string): boolean {
  for (let at = call.indexOf(folder); at >= 0; at = call.indexOf(folder, at + 1)) {
    const after = call[at + folder.length];
    if (after !== undefined && !/[/"'\s\\;&|)<>]/.test(after)) continue;
    const before = call.slice(Math.max(0, at - workdir.length - 1), at);
    if (before === '' || /(^|["'\s=:(<>;&|]|\\n|\\t|\.\/)$/.test(before) || before.endsWith(`${workdir}/`))
      return true;
  }
  return false;
}

export async function readTouched(
  sandbox: Pick<AgentSandbox, 'get' | 'workdir'>,
  path: string,
  maxBytes: number,
  redacted: (text: string) => string,
): Promise<{ item: ResponseItem; cut: Cut | null } | null> {
  const bytes = await readOne(sandbox, path, maxBytes);
  if (bytes === null || !saysSomething(bytes)) return null;
  const [part] = withinBudget([{ path, bytes }], maxBytes);
  if (!part) return null;
  const content = redacted(
    `Instructions for ${folderOf(path)}/ and what is below it, from ${path}:\n\n<INSTRUCTIONS>\n${part.text.trimEnd()}\n</INSTRUCTIONS>`,
  );
  const item: StoredInstructions = { type: 'message', role: 'user', content, codexAgentsFile: path };
  return { item, cut: part.cut };
}

function isTold(item: ResponseItem): item is StoredInstructions {
  return 'codexAgentsFile' in item && typeof item.codexAgentsFile === 'string';
}
