import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorWords } from '../../../client/words/index.ts';
import type { AccessPolicy } from '../../../protocol/egress.ts';
import { defaultEnvironment, type Internet } from '../../../protocol/environment.ts';
import { CodexError, type ErrorCode } from '../../../protocol/errors.ts';
import { allowDomain, checkInternet } from '../../../server/environments/changes.ts';

function internet(agent: Partial<AccessPolicy> = {}, setup: Partial<AccessPolicy> = {}): Internet {
  const defaults = defaultEnvironment().internet;
  return { agent: { ...defaults.agent, ...agent }, setup: { ...defaults.setup, ...setup } };
}

function fails(fn: () => unknown, code: ErrorCode, params: object = {}): CodexError {
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof CodexError, `nothing of ours was thrown: ${String(thrown)}`);
  assert.equal(thrown.code, code);
  assert.deepEqual({ ...thrown.wire.params, ...params }, thrown.wire.params);
  return thrown;
}

describe('what may be stored as internet access', () => {
  it('takes every form of a rule in both phases', () => {
    const lists = {
      allow: ['example.com', '=one.example', '*.two.example', 'three.example:8443', 'münchen.example'],
      deny: ['bad.example.com', 'co.uk'],
    };
    checkInternet(internet({ access: 'on', preset: 'common', ...lists }, { ...lists, methods: 'read' }));
  });

  it('names the first entry that can’t be a rule, its list, and how many more there are', () => {
    const wrong = internet({ allow: ['fine.example', 'https://x.example/'] }, { deny: ['*', 'a b'] });
    const error = fails(() => checkInternet(wrong), 'badPolicy', {
      list: 'agent.allow',
      entry: 'https://x.example/',
      problem: 'notAName',
      more: 2,
    });
    assert.match(errorWords(error.wire).text, /^“https:\/\/x\.example\/” is not a domain\. Write a name/);
  });

  it('looks at the lists of access that is off, too: it may be turned on as it is', () => {
    fails(() => checkInternet(internet({ access: 'off', allow: ['com'] })), 'badPolicy', {
      problem: 'publicSuffix',
    });
  });
});

describe('allowing one more domain', () => {
  it('adds it to the agent’s domains and changes nothing else', () => {
    const before = internet({ access: 'on', preset: 'common', allow: ['a.example'], methods: 'read' });
    const after = allowDomain(before, ' b.example ');
    assert.deepEqual(after, {
      agent: { ...before.agent, allow: ['a.example', 'b.example'] },
      setup: before.setup,
    });
    assert.deepEqual(allowDomain(after, 'b.example'), after);
  });

  it('turns access on for this domain alone, whatever stood there unused', () => {
    const off = internet({ access: 'off', preset: 'all', allow: ['old.example'], methods: 'read' });
    assert.deepEqual(allowDomain(off, 'new.example').agent, {
      access: 'on',
      preset: 'none',
      allow: ['new.example'],
      deny: [],
      methods: 'read',
    });
  });

  it('refuses what can’t be a rule', () => {
    for (const text of [
      '*',
      'com',
      'https://a.example',
      'a.example/path',
      '0x7f.1',
      '',
      ' ',
      'a\0b.example',
    ]) {
      fails(() => allowDomain(internet({ access: 'on' }), text), 'badPolicy');
    }
  });

  it('says so when a denied domain would win, however it is written', () => {
    const denying = (...deny: string[]) => internet({ access: 'on', preset: 'common', deny });
    const cases: [string, string][] = [
      ['bad.example', 'bad.example'],
      ['bad.example', 'api.BAD.example'],
      ['=bad.example', 'bad.example.'],
      ['*.bad.example', '*.bad.example'],
      ['bad.example', 'bad.example:8443'],
      ['bad.example:8443', 'bad.example:8443'],
      ['xn--mnchen-3ya.example', 'münchen.example'],
    ];
    for (const [deny, allow] of cases) {
      fails(() => allowDomain(denying(deny), allow), 'domainDenied', { domain: allow });
    }
    for (const [deny, allow] of [
      ['bad.example', 'notbad.example'],
      ['*.bad.example', 'bad.example'],
      ['bad.example:8443', 'bad.example'],
    ] as const) {
      assert.ok(allowDomain(denying(deny), allow).agent.allow.includes(allow), allow);
    }
  });
});
