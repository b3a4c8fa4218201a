/** Whether this machine can confine a process, and how well: asked once in a while, since it takes a trial. */
import type { SandboxHealth } from '../sandbox.ts';
import { gatherFacts, tryBubblewrap } from './facts.ts';
import type { Facts } from './facts.ts';
import { means, meansInWords } from './limits.ts';
import { refusal, refusalAfterTrial } from './refusal.ts';

export interface Checked {
  health: SandboxHealth;
  facts: Facts;
}

export async function checkMachine(): Promise<Checked> {
  const facts = await gatherFacts();
  const detail = refusal(facts) ?? (await refusedTrial(facts));
  if (detail !== null) return { facts, health: { ok: false, detail } };
  return {
    facts,
    health: {
      ok: true,
      detail: `Confined local process (${facts.bubblewrap}, own namespaces, system calls filtered); ${meansInWords(means(facts))}`,
    },
  };
}

async function refusedTrial(facts: Facts): Promise<string | null> {
  const said = await tryBubblewrap();
  return said === null ? null : refusalAfterTrial(facts, said);
}
