/** Where a task's instructions to agents are: the owner's own in the data folder, the others in the repository. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENTS_NAMES, type AgentsFiles } from '../agent/agents-files.ts';
import type { Repos } from '../repos/repos.ts';

export interface OwnersInstructions {
  dataDir: string;
  /** File names that count in a folder without an `AGENTS.md`. */
  fallbacks: readonly string[];
}

/** The repository is looked through at once: by the time that the agent begins it is known. */
export async function agentsFilesOf(
  owner: OwnersInstructions | undefined,
  repos: Repos,
  at: { repoId: string; sha: string; folder: string },
): Promise<AgentsFiles> {
  const fallbacks = owner?.fallbacks ?? [];
  // A repository that is too large to be looked through has its files found by the agent.
  const found = repos.findFiles(at.repoId, at.sha, [...AGENTS_NAMES, ...fallbacks]).catch(() => []);
  return {
    global: owner ? await readGlobal(owner.dataDir) : null,
    fallbacks,
    folder: at.folder,
    inRepository: () => found,
  };
}

async function readGlobal(dataDir: string): Promise<AgentsFiles['global']> {
  for (const path of AGENTS_NAMES) {
    const text = await readFile(join(dataDir, path), 'utf8').catch(() => '');
    if (text.trim() !== '') return { path: `the owner’s ${path}`, text };
  }
  return null;
}
