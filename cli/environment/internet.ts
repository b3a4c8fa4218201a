/** What `env set` changes of internet access. Pure. */
import type { AccessPolicy } from '../../protocol/egress.ts';
import type { Internet } from '../../protocol/environment.ts';

export const ACCESS = ['off', 'common', 'all', 'none'] as const;

export interface PolicyChange {
  phase: keyof Internet;
  access?: (typeof ACCESS)[number];
  allow?: string[];
  deny?: string[];
  methods?: AccessPolicy['methods'];
}

/** What is not in the change stays; turning access off keeps the lists for when it comes on again. */
export function changedInternet(internet: Internet, change: PolicyChange): Internet {
  const { phase, access, ...rest } = change;
  const reach: Partial<AccessPolicy> =
    access === undefined ? {} : access === 'off' ? { access } : { access: 'on', preset: access };
  return { ...internet, [phase]: { ...internet[phase], ...reach, ...rest } };
}

/** The agent gets access that it had not, or to everything: what that risks is said. */
export function opensMore(before: Internet, after: Internet): boolean {
  if (after.agent.access === 'off') return false;
  return before.agent.access === 'off' || (after.agent.preset === 'all' && before.agent.preset !== 'all');
}
