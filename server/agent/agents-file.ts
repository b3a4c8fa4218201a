/**
 * The repository's own instructions to agents: `AGENTS.md` in its root, up to a budget. What is cut is
 * marked in the text and told to the person; nothing is cut silently.
 */
import type { AgentSandbox } from './agent.ts';
import { cleanText } from '../model/items.ts';
import { utf8Boundary } from './truncate.ts';

export interface AgentsFile {
  /** As the model gets it; null when there is no such file or it is empty. */
  message: string | null;
  /** Set when the file is larger than the budget. */
  cut: { path: string; keptBytes: number } | null;
}

export async function readAgentsFile(
  sandbox: Pick<AgentSandbox, 'get' | 'workdir'>,
  maxBytes: number,
): Promise<AgentsFile> {
  const path = 'AGENTS.md';
  // One byte more than the budget tells a file that fits from one that does not.
  const bytes = await sandbox.get(`${sandbox.workdir}/${path}`, maxBytes + 1);
  if (bytes === null) return { message: null, cut: null };
  const isCut = bytes.length > maxBytes;
  const kept = isCut ? bytes.subarray(0, utf8Boundary(bytes, maxBytes)) : bytes;
  const text = cleanText(kept.toString('utf8').replace(/^\ufeff/, ''));
  if (text.trim() === '') return { message: null, cut: null };
  const mark = isCut
    ? `\n[… ${path} is longer than ${maxBytes} bytes: the rest is left out here; read the file for it …]`
    : '';
  return {
    message: `# ${path} instructions for ${sandbox.workdir}\n\n<INSTRUCTIONS>\n${text}${mark}\n</INSTRUCTIONS>`,
    cut: isCut ? { path, keptBytes: kept.length } : null,
  };
}

/** How such a message is found again in a history. */
export function isAgentsMessage(text: string): boolean {
  return text.startsWith('# AGENTS.md instructions for ');
}
