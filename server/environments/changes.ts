/** What may be stored as internet access, and what “allow this domain” makes of it. Pure. */
import { ruleProblemInEnglish } from '../../protocol/denials.ts';
import type { AccessPolicy } from '../../protocol/egress.ts';
import type { Internet } from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import {
  asciiName,
  checkTarget,
  compileRules,
  type OwnerRules,
  parseAuthority,
} from '../egress/policy/index.ts';

/** The owner's exceptions say nothing about whether an environment's entries are written well. */
const NO_OWNER_RULES: OwnerRules = { allowPrivate: [], intercept: 'whenNeeded' };

const PHASES = ['agent', 'setup'] as const;

/** Throws `CodexError` badPolicy: the first entry that can't be a rule, where it stands, and how many more. */
export function checkInternet(internet: Internet): void {
  const wrong = PHASES.flatMap((phase) => {
    const compiled = compileRules(internet[phase], NO_OWNER_RULES);
    return compiled.ok ? [] : compiled.errors.map((error) => ({ ...error, list: `${phase}.${error.list}` }));
  });
  const [first, ...more] = wrong;
  if (!first) return;
  const { list, entry, problem } = first;
  throw new CodexError(
    'badPolicy',
    { list, entry, problem, more: more.length },
    { detail: `${list}: ${ruleProblemInEnglish(problem, entry)}` },
  );
}

/**
 * The agent's policy with this domain in it. Access that was off comes on with nothing else: entries
 * that stood there unused are not opened along with it. Throws `CodexError` badPolicy for what can't
 * be a rule, domainDenied when a denied domain would win.
 */
export function allowDomain({ agent, setup }: Internet, written: string): Internet {
  const domain = written.trim();
  const allow = agent.access === 'off' ? [] : agent.allow;
  const changed: AccessPolicy = {
    ...agent,
    ...(agent.access === 'off' ? { access: 'on', preset: 'none' } : {}),
    allow: allow.includes(domain) ? allow : [...allow, domain],
  };
  const internet = { agent: changed, setup };
  checkInternet(internet);
  if (isDenied(changed, domain)) throw new CodexError('domainDenied', { domain });
  return internet;
}

/** A rule has been made of it already, so what is left of it without its mark is a host. */
function isDenied(policy: AccessPolicy, rule: string): boolean {
  const [, mark, host = '', port] = /^(=|\*\.)?(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(rule) ?? [];
  const ascii = host.startsWith('[') ? host : asciiName(host);
  const named = parseAuthority(`${mark === '*.' ? 'any.' : ''}${ascii ?? ''}${port ?? ''}`, 'host');
  const compiled = compileRules(policy, NO_OWNER_RULES);
  if (!named.ok || !compiled.ok) return false;
  const target = { scheme: 'https' as const, ...named.value, port: named.value.port ?? 443 };
  const verdict = checkTarget(compiled.rules, target);
  return verdict.verdict === 'deny' && verdict.reason === 'deniedDomain';
}
