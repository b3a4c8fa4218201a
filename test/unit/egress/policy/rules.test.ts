import assert from 'node:assert/strict';
import test from 'node:test';
import {
  AccessPolicy,
  accessLevel,
  DEFAULT_AGENT_ACCESS,
  DEFAULT_SETUP_ACCESS,
} from '../../../../protocol/egress.ts';
import { checkTarget, compileRules } from '../../../../server/egress/policy/index.ts';
import { COMMON_DEPENDENCIES } from '../../../../server/egress/presets/common-dependencies.ts';
import { NO_OWNER, outcome, rulesOf, target } from './support.ts';

const COVERED: [entry: string, asked: string, allowed: boolean][] = [
  ['example.com', 'example.com', true],
  ['example.com', 'a.example.com', true],
  ['example.com', 'a.b.c.example.com', true],
  ['example.com', 'EXAMPLE.com.', true],
  ['EXAMPLE.COM.', 'example.com', true],
  ['  example.com  ', 'example.com', true],
  ['example.com', 'xexample.com', false],
  ['example.com', 'x-example.com', false],
  ['example.com', 'example.com.evil.test', false],
  ['example.com', 'example.co', false],
  ['example.com', 'com', false],
  ['example.com', 'example.comx', false],
  ['example.com', 'evil-example.com', false],
  ['=example.com', 'example.com', true],
  ['=example.com', 'a.example.com', false],
  ['*.example.com', 'example.com', false],
  ['*.example.com', 'a.example.com', true],
  ['*.example.com', 'a.b.example.com', true],
  ['*.example.com', 'xexample.com', false],
  ['a.example.com', 'example.com', false],
  ['a.example.com', 'b.example.com', false],
  ['bücher.example', 'xn--bcher-kva.example', true],
  ['BÜCHER.example', 'shop.xn--bcher-kva.example', true],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example', true],
  ['faß.example', 'fass.example', false],
  ['ex。ample.com', 'ex.ample.com', true],
  ['аpple.com', 'apple.com', false],
  ['githubusercontent.com', 'raw.githubusercontent.com', true],
  ['github.io', 'someone.github.io', true],
  ['example.com:8443', 'example.com:8443', true],
  ['example.com:8443', 'a.example.com:8443', true],
  ['example.com:8443', 'example.com:8444', false],
  ['example.com:8443', 'example.com:443', false],
  ['=example.com:8443', 'a.example.com:8443', false],
  ['*.example.com:8443', 'a.example.com:8443', true],
  ['example.com', 'example.com:8443', false],
  ['example.com', 'example.com:22', false],
  ['example.com', 'example.com:25', false],
  ['example.com', 'example.com:80', true],
  ['example.com:443', 'example.com:443', true],
  ['example.com:443', 'example.com:80', false],
];

test('an entry covers what it says and nothing beside it', () => {
  for (const [entry, asked, allowed] of COVERED) {
    const verdict = outcome(checkTarget(rulesOf({ allow: [entry] }), target(asked)));
    assert.equal(verdict === 'allow', allowed, `${entry} for ${asked}: ${verdict}`);
  }
});

test('a denied entry covers the same, and every port unless it names one', () => {
  for (const [entry, asked] of COVERED.filter(([entry, , allowed]) => allowed && !entry.includes(':'))) {
    const rules = rulesOf({ allow: [entry], deny: [entry] });
    assert.equal(outcome(checkTarget(rules, target(asked))), 'deniedDomain', `${entry} for ${asked}`);
  }
  const rules = rulesOf({
    allow: ['example.com', 'example.com:8443'],
    deny: ['example.com:8443', 'a.example.com'],
  });
  assert.equal(outcome(checkTarget(rules, target('example.com'))), 'allow');
  assert.equal(outcome(checkTarget(rules, target('example.com:8443'))), 'deniedDomain');
  assert.equal(outcome(checkTarget(rules, target('a.example.com:8443'))), 'deniedDomain');
});

test('deny beats allow, however exact the allowed entry is', () => {
  const rules = rulesOf({ allow: ['=a.example.com'], deny: ['example.com'] });
  assert.equal(outcome(checkTarget(rules, target('a.example.com'))), 'deniedDomain');
  assert.equal(
    outcome(checkTarget(rulesOf({ preset: 'all', deny: ['*.example.com'] }), target('a.example.com'))),
    'deniedDomain',
  );
  assert.equal(
    outcome(checkTarget(rulesOf({ preset: 'all', deny: ['*.example.com'] }), target('example.com'))),
    'allow',
  );
  assert.equal(
    outcome(checkTarget(rulesOf({ preset: 'common', deny: ['github.com'] }), target('api.github.com'))),
    'deniedDomain',
  );
});

const BAD: [entry: string, problem: string, inDeny?: string | null][] = [
  ['', 'empty'],
  ['   ', 'empty'],
  ['*', 'starAlone', 'starInDeny'],
  ['*.*', 'starAlone', 'starInDeny'],
  ['**', 'starAlone', 'starInDeny'],
  ['=*', 'starAlone', 'starInDeny'],
  ['*:443', 'starAlone', 'starInDeny'],
  ['*.', 'starAlone', 'starInDeny'],
  ['[*]', 'wildcardInside'],
  ['region*.example.com', 'wildcardInside'],
  ['a.*.example.com', 'wildcardInside'],
  ['example.*', 'wildcardInside'],
  ['**.example.com', 'wildcardInside'],
  ['=*.example.com', 'wildcardInside'],
  ['*.*.example.com', 'wildcardInside'],
  ['*example.com', 'wildcardInside'],
  ['*.1.2.3.4', 'wildcardInside'],
  ['*.[2001:db8::1]', 'wildcardInside'],
  // denying a whole suffix is strict, so it may be
  ['com', 'publicSuffix', null],
  ['COM.', 'publicSuffix', null],
  ['*.com', 'publicSuffix', null],
  ['=com', 'publicSuffix', null],
  ['co.uk', 'publicSuffix', null],
  ['*.co.uk', 'publicSuffix', null],
  ['com:8443', 'publicSuffix', null],
  ['org', 'publicSuffix', null],
  ['dev', 'publicSuffix', null],
  ['kawasaki.jp', 'publicSuffix', null],
  ['anything.ck', 'publicSuffix', null],
  ['公司.cn', 'publicSuffix', null],
  ['xn--55qx5d.cn', 'publicSuffix', null],
  ['xn--p1ai', 'publicSuffix', null],
  ['https://example.com', 'notAName'],
  ['https://example.com/', 'notAName'],
  ['http://example.com:80/a', 'notAName'],
  ['example.com/', 'notAName'],
  ['example.com/path', 'notAName'],
  ['user@example.com', 'notAName'],
  ['example.com?q', 'notAName'],
  ['example.com#f', 'notAName'],
  ['exam ple.com', 'notAName'],
  ['example.com\0', 'notAName'],
  ['a\nb.com', 'notAName'],
  ['a%2eb.com', 'notAName'],
  ['a％2eb.com', 'notAName'],
  ['a\u00adb.com', 'notAName'],
  ['a\u200db.com', 'notAName'],
  ['a\u202eb.com', 'notAName'],
  ['.example.com', 'notAName'],
  ['example..com', 'notAName'],
  ['example.com..', 'notAName'],
  ['-example.com', 'notAName'],
  ['xn--iñvalid.com', 'notAName'],
  ['xn--a.com', 'notAName'],
  ['a,b.com', 'notAName'],
  ['example.com example.org', 'notAName'],
  ['10.0.0.0/8', 'notAName'],
  ['2001:db8::1', 'notAName'],
  [`${'a'.repeat(64)}.com`, 'notAName'],
  ['==example.com', 'notAName'],
  ['!example.com', 'notAName'],
  ['[::1%lo]', 'notAName'],
  ['example.com:', 'badPort'],
  ['example.com:0', 'badPort'],
  ['example.com:99999', 'badPort'],
  ['example.com:https', 'badPort'],
  ['example.com:*', 'badPort'],
  ['127.1', 'oddAddress'],
  ['0x7f.0.0.1', 'oddAddress'],
  ['2130706433', 'oddAddress'],
  ['１２７.0.0.1', 'oddAddress'],
  ['0177.0.0.1', 'oddAddress'],
  ['1.2.3', 'oddAddress'],
];

test('an entry that cannot be a rule is an error that names it, in both lists', () => {
  for (const [entry, problem, inDeny = problem] of BAD) {
    for (const [list, expected] of [
      ['allow', problem],
      ['deny', inDeny],
    ] as const) {
      const policy = AccessPolicy.parse({ access: 'on', [list]: ['good.example', entry] });
      const compiled = compileRules(policy, NO_OWNER);
      const errors = compiled.ok ? [] : compiled.errors;
      assert.deepEqual(
        errors,
        expected === null ? [] : [{ list, entry, problem: expected }],
        JSON.stringify(entry),
      );
    }
  }
});

test('all errors are told at once', () => {
  const policy = AccessPolicy.parse({ allow: ['com', 'a.example', '*'], deny: ['*'] });
  const compiled = compileRules(policy, {
    ...NO_OWNER,
    allowPrivate: [{ host: 'a.example:1', cidr: '10.0.0.1/8' }],
  });
  assert.deepEqual(compiled.ok ? [] : compiled.errors.map(({ list, problem }) => `${list} ${problem}`), [
    'allow publicSuffix',
    'allow starAlone',
    'deny starInDeny',
    'allowPrivate badPort',
    'allowPrivate badCidr',
  ]);
});

test('an address range of the owner has no bits behind its length and no odd spelling', () => {
  const compiles = (cidr: string) =>
    compileRules(DEFAULT_AGENT_ACCESS, { ...NO_OWNER, allowPrivate: [{ host: 'npm.corp', cidr }] }).ok;
  for (const cidr of [
    '10.0.0.0/8',
    '10.1.2.3',
    '10.1.2.3/32',
    '0.0.0.0/0',
    'fd00::/8',
    '::1',
    '::/0',
    '::ffff:10.0.0.0/104',
  ]) {
    assert.equal(compiles(cidr), true, cidr);
  }
  for (const cidr of [
    '',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10/8',
    '10.0.0.0/-1',
    '10.0.0.0/08x',
    'fd00::/129',
    'fd00::1/8',
    'example.com',
    '10.0.0.0/8 ',
    'fe80::1%eth0',
    '010.0.0.0/8',
    '*',
  ]) {
    assert.equal(compiles(cidr), false, cidr);
  }
});

test('the preset is the documented list, and every name of it is a rule', () => {
  assert.equal(COMMON_DEPENDENCIES.length, 70);
  assert.equal(new Set(COMMON_DEPENDENCIES).size, 70);
  const rules = rulesOf({ preset: 'common' });
  for (const host of COMMON_DEPENDENCIES) {
    assert.equal(outcome(checkTarget(rules, target(host))), 'allow', host);
    assert.equal(outcome(checkTarget(rules, target(`a.${host}`))), 'allow', host);
    assert.equal(outcome(checkTarget(rules, target(`${host}.evil.test`))), 'notAllowed', host);
  }
});

test('added domains count beside the preset', () => {
  const rules = rulesOf({ preset: 'common', allow: ['example.com'] });
  assert.equal(outcome(checkTarget(rules, target('example.com'))), 'allow');
  assert.equal(outcome(checkTarget(rules, target('registry.npmjs.org'))), 'allow');
  assert.equal(outcome(checkTarget(rules, target('example.org'))), 'notAllowed');
});

test('matching does not grow with the length of the lists', () => {
  const many = Array.from({ length: 1_000 }, (_, index) => `d${index}.example`);
  const rules = rulesOf({ allow: many, deny: many.map((name) => `x.${name}`) });
  const asked = target(`${'a.'.repeat(120)}d1.example`);
  const started = performance.now();
  for (let round = 0; round < 2_000; round += 1) checkTarget(rules, asked);
  assert.ok(performance.now() - started < 2_000);
});

test('the level is “on” only when the policy refuses nothing', () => {
  const level = (policy: object) => accessLevel(AccessPolicy.parse(policy));
  assert.equal(accessLevel(DEFAULT_AGENT_ACCESS), 'off');
  assert.equal(accessLevel(DEFAULT_SETUP_ACCESS), 'on');
  assert.deepEqual(AccessPolicy.parse({}), DEFAULT_AGENT_ACCESS);
  assert.equal(level({ access: 'off', preset: 'all' }), 'off');
  assert.equal(level({ access: 'on', preset: 'all' }), 'on');
  assert.equal(level({ access: 'on', preset: 'all', methods: 'read' }), 'limited');
  assert.equal(level({ access: 'on', preset: 'all', deny: ['example.com'] }), 'limited');
  assert.equal(level({ access: 'on', preset: 'common' }), 'limited');
  assert.equal(level({ access: 'on', preset: 'none' }), 'limited');
});
