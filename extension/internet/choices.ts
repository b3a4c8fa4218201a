/** What can be chosen for the internet access of an environment, and what a choice changes. Pure: `t` translates. */
import type { Translate } from '../../client/words/index.ts';
import type { AccessPolicy } from '../../protocol/egress.ts';
import type { Environment, Internet } from '../../protocol/environment.ts';

/** `setup`: while an environment is prepared; `agent`: while the agent works. */
export type PolicyPhase = keyof Internet;

export type Reach = 'off' | 'common' | 'listed' | 'all';

export type Choice =
  | { kind: 'reach'; reach: Reach }
  | { kind: 'methods' }
  | { kind: 'domains'; list: 'allow' | 'deny' }
  | { kind: 'phase'; phase: PolicyPhase }
  /** Everything else that can be set, on its page. */
  | { kind: 'environment' }
  | { kind: 'learn' };

export interface ChoiceItem {
  label: string;
  description?: string;
  detail?: string;
  /** Begins a group of this name. */
  group?: string;
  /** It is what holds now. */
  current?: boolean;
  choice: Choice;
}

export function reachOf(policy: AccessPolicy): Reach {
  if (policy.access === 'off') return 'off';
  return policy.preset === 'none' ? 'listed' : policy.preset;
}

/** The lists and methods stay: who turns access off and on again finds them as they were. */
export function withReach(policy: AccessPolicy, reach: Reach): AccessPolicy {
  if (reach === 'off') return { ...policy, access: 'off' };
  return { ...policy, access: 'on', preset: reach === 'listed' ? 'none' : reach };
}

export function withPolicy(environment: Environment, phase: PolicyPhase, policy: AccessPolicy): Environment {
  return { ...environment, internet: { ...environment.internet, [phase]: policy } };
}

/** Before access is turned on for the agent, or opened to everything, its risks are said. */
export function needsWarning(phase: PolicyPhase, before: AccessPolicy, after: AccessPolicy): boolean {
  if (phase !== 'agent' || after.access === 'off') return false;
  return before.access === 'off' || (after.preset === 'all' && before.preset !== 'all');
}

export function choicesOf(internet: Internet, phase: PolicyPhase, t: Translate): ChoiceItem[] {
  const policy = internet[phase];
  const items = REACHES.map((reach): ChoiceItem => ({
    ...reachWords(reach, t),
    current: reach === reachOf(policy),
    choice: { kind: 'reach', reach },
  }));
  const other: PolicyPhase = phase === 'agent' ? 'setup' : 'agent';
  const more: ChoiceItem[] = [
    {
      label: phase === 'agent' ? t('During setup', {}) : t('While the agent works', {}),
      description: reachWords(reachOf(internet[other]), t).label,
      choice: { kind: 'phase', phase: other },
      group: t('Also', {}),
    },
    { label: t('All settings of this environment', {}), choice: { kind: 'environment' } },
    { label: t('Learn more about internet access', {}), choice: { kind: 'learn' } },
  ];
  return [...items, ...(policy.access === 'on' ? details(policy, t) : []), ...more];
}

const REACHES: readonly Reach[] = ['off', 'common', 'listed', 'all'];

function details(policy: AccessPolicy, t: Translate): ChoiceItem[] {
  const count = (domains: readonly string[]) =>
    domains.length === 0 ? t('none', {}) : domains.length === 1 ? (domains[0] ?? '') : String(domains.length);
  const allow: ChoiceItem = {
    label: policy.preset === 'common' ? t('Additional domains', {}) : t('Allowed domains', {}),
    description: count(policy.allow),
    choice: { kind: 'domains', list: 'allow' },
  };
  const rest: ChoiceItem[] = [
    ...(policy.preset === 'all' ? [] : [allow]),
    {
      label: t('Denied domains', {}),
      description: count(policy.deny),
      choice: { kind: 'domains', list: 'deny' },
    },
    {
      label: t('HTTP methods', {}),
      description: policy.methods === 'read' ? t('GET, HEAD and OPTIONS only', {}) : t('all', {}),
      detail:
        policy.methods === 'read'
          ? t('Choose to allow all methods.', {})
          : t('Choose to allow GET, HEAD and OPTIONS only; the proxy then looks inside TLS.', {}),
      choice: { kind: 'methods' },
    },
  ];
  return rest.map((item, at) => (at === 0 ? { ...item, group: t('Details', {}) } : item));
}

export function reachWords(reach: Reach, t: Translate): { label: string; detail: string } {
  switch (reach) {
    case 'off':
      return { label: t('Off', {}), detail: t('Nothing on the internet can be reached.', {}) };
    case 'common':
      return {
        label: t('Common dependencies', {}),
        detail: t('Package registries, source hosts and the like, and domains that you add.', {}),
      };
    case 'listed':
      return {
        label: t('Only listed domains', {}),
        detail: t('The domains that you list, nothing else.', {}),
      };
    case 'all':
      return {
        label: t('Everything', {}),
        detail: t('All domains but those that you deny. The riskiest choice.', {}),
      };
  }
}
