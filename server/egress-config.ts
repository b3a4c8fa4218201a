/**
 * The owner's part of internet access, from `egress` in `config.yaml`: private addresses that may be
 * reached by name, a proxy that everything goes through, further authorities, and whether TLS is always
 * looked into. No client and no environment can set any of it.
 *
 * What is wrong is an error with its place before anything starts: a policy that is only half read
 * would be another policy.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { ruleProblemInEnglish } from '../protocol/denials.ts';
import { DEFAULT_AGENT_ACCESS } from '../protocol/egress.ts';
import { errorText } from '../protocol/errors.ts';
import { compileRules, type OwnerRules } from './egress/policy/index.ts';

export const EgressConfig = z.strictObject({
  allowPrivate: z.array(z.strictObject({ host: z.string(), cidr: z.string() })).default([]),
  upstreamProxy: z.string().optional(),
  /** A PEM file; a relative path starts at the data folder. */
  extraCa: z.string().optional(),
  intercept: z.enum(['whenNeeded', 'always']).default('whenNeeded'),
});
export type EgressConfig = z.infer<typeof EgressConfig>;

/** `wrong(place, reason)` is thrown for what can't be used. */
export async function ownerRulesOf(
  config: EgressConfig,
  dataDir: string,
  wrong: (place: string, reason: string) => Error,
): Promise<OwnerRules> {
  const { allowPrivate, upstreamProxy, extraCa, intercept } = config;
  const rules: OwnerRules = {
    allowPrivate,
    intercept,
    ...(upstreamProxy === undefined ? {} : { upstreamProxy }),
    ...(extraCa === undefined ? {} : { extraCa: resolve(dataDir, extraCa) }),
  };
  const compiled = compileRules(DEFAULT_AGENT_ACCESS, rules);
  const error = compiled.ok ? undefined : compiled.errors[0];
  if (error) throw wrong('egress.allowPrivate', ruleProblemInEnglish(error.problem, error.entry));
  if (upstreamProxy !== undefined) {
    const problem = proxyProblem(upstreamProxy);
    if (problem) throw wrong('egress.upstreamProxy', problem);
  }
  if (rules.extraCa !== undefined) {
    const problem = await certificatesProblem(rules.extraCa);
    if (problem) throw wrong('egress.extraCa', problem);
  }
  return rules;
}

/** Never repeats the value: it may hold a password. */
function proxyProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'http:') return 'write an address such as http://proxy.example:3128';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'an address ends after the port';
  try {
    decodeURIComponent(url.username + url.password);
    return null;
  } catch {
    return 'write % as %25 in its user name and password';
  }
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

async function certificatesProblem(path: string): Promise<string | null> {
  try {
    const found = (await readFile(path, 'utf8')).match(PEM_CERTIFICATE) ?? [];
    for (const pem of found) new X509Certificate(pem);
    return found.length === 0 ? `${path} holds no certificate in PEM format` : null;
  } catch (error) {
    return `${path} can’t be read: ${errorText(error)}`;
  }
}
