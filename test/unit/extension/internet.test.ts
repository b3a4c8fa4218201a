/** Internet access in the editor: what is checked while typing, what can be chosen, what is warned of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { english } from '../../../client/words/index.ts';
import {
  choicesOf,
  needsWarning,
  reachOf,
  withPolicy,
  withReach,
  type Reach,
} from '../../../extension/internet/choices.ts';
import { domainProblem, splitDomains } from '../../../extension/internet/domains.ts';
import { DEFAULT_AGENT_ACCESS, DEFAULT_SETUP_ACCESS, type AccessPolicy } from '../../../protocol/egress.ts';
import { defaultEnvironment } from '../../../protocol/environment.ts';
import { compileRules, type OwnerRules } from '../../../server/egress/policy/index.ts';

const NO_OWNER_RULES: OwnerRules = { allowPrivate: [], intercept: 'whenNeeded' };

const GOOD = [
  'example.com',
  'EXAMPLE.com.',
  '=example.com',
  '*.example.com',
  'example.com:8443',
  'bücher.example',
  'xn--bcher-kva.example',
  'a_b.example.com',
  '192.0.2.1',
  '[2001:db8::1]',
  '[2001:db8::1]:8443',
];
const BAD: Record<string, string> = {
  '': 'empty',
  'https://example.com': 'notAName',
  'example.com/path': 'notAName',
  'user@example.com': 'notAName',
  'exa mple.com': 'notAName',
  '-a.example': 'notAName',
  '*': 'starAlone',
  '*.*': 'starAlone',
  'a.*.example.com': 'wildcardInside',
  'a*.example.com': 'wildcardInside',
  '*.192.0.2.1': 'wildcardInside',
  'example.com:0': 'badPort',
  'example.com:99999': 'badPort',
  'example.com:': 'badPort',
  '0x7f.1': 'oddAddress',
  '2130706433': 'oddAddress',
  '192.0.2.01': 'oddAddress',
};

function serverProblem(entry: string): string | null {
  const compiled = compileRules({ ...DEFAULT_AGENT_ACCESS, access: 'on', allow: [entry] }, NO_OWNER_RULES);
  return compiled.ok ? null : (compiled.errors[0]?.problem ?? null);
}

test('what is said while typing is what the backend will say', () => {
  for (const entry of GOOD) {
    assert.equal(domainProblem(entry, 'allow'), null, entry);
    assert.equal(serverProblem(entry), null, entry);
  }
  for (const [entry, problem] of Object.entries(BAD)) {
    assert.equal(domainProblem(entry, 'allow'), problem, entry);
    assert.equal(serverProblem(entry), problem, `the backend: ${entry}`);
  }
  assert.equal(domainProblem('*', 'deny'), 'starInDeny');
});

test('a pasted list is taken apart, each domain once', () => {
  assert.deepEqual(splitDomains(' a.example, b.example;\nc.example\t a.example '), [
    'a.example',
    'b.example',
    'c.example',
  ]);
});

const policy = (more: Partial<AccessPolicy>): AccessPolicy => ({ ...DEFAULT_AGENT_ACCESS, ...more });

test('a choice is found again, and turning access off keeps the lists', () => {
  for (const reach of ['off', 'common', 'listed', 'all'] satisfies Reach[]) {
    assert.equal(reachOf(withReach(DEFAULT_AGENT_ACCESS, reach)), reach);
  }
  const listed = policy({ access: 'on', allow: ['a.example'], methods: 'read' });
  assert.deepEqual(withReach(withReach(listed, 'off'), 'listed'), listed);
});

test('the agent getting internet access is warned of, and getting all of it once more', () => {
  const off = policy({});
  const listed = policy({ access: 'on' });
  const all = policy({ access: 'on', preset: 'all' });
  assert.ok(needsWarning('agent', off, listed));
  assert.ok(needsWarning('agent', off, policy({ access: 'on', preset: 'common' })));
  assert.ok(needsWarning('agent', listed, all));
  assert.ok(needsWarning('agent', { ...all, access: 'off' }, all), 'all of it again after off');
  assert.ok(!needsWarning('agent', all, listed));
  assert.ok(!needsWarning('agent', listed, off));
  assert.ok(!needsWarning('agent', listed, { ...listed, allow: ['a.example'] }));
  assert.ok(!needsWarning('setup', off, all), 'no agent runs during setup');
});

test('a policy changes one phase of an environment and nothing else', () => {
  const web = { ...defaultEnvironment('web'), setup: 'npm ci', variables: { A: '1' } };
  const changed = withPolicy(web, 'agent', policy({ access: 'on' }));
  assert.deepEqual(changed, {
    name: 'web',
    setup: 'npm ci',
    variables: { A: '1' },
    internet: { agent: policy({ access: 'on' }), setup: DEFAULT_SETUP_ACCESS },
  });
});

test('the choices mark what holds and show only details that count', () => {
  const labels = (agent: AccessPolicy) =>
    choicesOf({ agent, setup: DEFAULT_SETUP_ACCESS }, 'agent', english).map(
      ({ label, current, description }) =>
        `${current ? '*' : ''}${label}${description ? `: ${description}` : ''}`,
    );
  assert.deepEqual(labels(policy({})), [
    '*Off',
    'Common dependencies',
    'Only listed domains',
    'Everything',
    'During setup: Everything',
    'All settings of this environment',
    'Learn more about internet access',
  ]);
  const listed = labels(policy({ access: 'on', allow: ['a.example'], deny: ['b.example', 'c.example'] }));
  assert.ok(listed.includes('*Only listed domains'));
  assert.deepEqual(listed.slice(4, 7), [
    'Allowed domains: a.example',
    'Denied domains: 2',
    'HTTP methods: all',
  ]);
  const all = labels(policy({ access: 'on', preset: 'all', methods: 'read' }));
  assert.ok(!all.some((label) => /^(Allowed|Additional)/.test(label)));
  assert.ok(all.includes('HTTP methods: GET, HEAD and OPTIONS only'));
});
