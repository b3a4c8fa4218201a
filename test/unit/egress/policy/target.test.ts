import assert from 'node:assert/strict';
import test from 'node:test';
import type { AccessPolicy } from '../../../../protocol/egress.ts';
import {
  checkServerName,
  checkTarget,
  type ClientHelloFacts,
} from '../../../../server/egress/policy/index.ts';
import { outcome, rulesOf, target } from './support.ts';

const POLICIES: Record<string, Partial<AccessPolicy>> = {
  off: { access: 'off', preset: 'all', allow: ['example.com'] },
  none: { preset: 'none', allow: ['example.com'] },
  common: { preset: 'common' },
  all: { preset: 'all', allow: ['example.com:8443'], deny: ['evil.test'] },
};

const TARGETS: [asked: string, off: string, none: string, common: string, all: string][] = [
  ['example.com', 'accessOff', 'allow', 'notAllowed', 'allow'],
  ['example.com:8443', 'accessOff', 'port', 'port', 'allow'],
  ['example.com:22', 'accessOff', 'port', 'port', 'port'],
  ['smtp.example.com:25', 'accessOff', 'port', 'port', 'port'],
  ['registry.npmjs.org', 'accessOff', 'notAllowed', 'allow', 'allow'],
  ['httpbin.org', 'accessOff', 'notAllowed', 'notAllowed', 'allow'],
  ['evil.test', 'accessOff', 'notAllowed', 'notAllowed', 'deniedDomain'],
  ['a.evil.test:80', 'accessOff', 'notAllowed', 'notAllowed', 'deniedDomain'],
  ['evil.test:22', 'accessOff', 'port', 'port', 'port'],
  // addresses instead of names, public ones too
  ['127.0.0.1', 'accessOff', 'ipLiteral', 'ipLiteral', 'ipLiteral'],
  ['169.254.169.254:80', 'accessOff', 'ipLiteral', 'ipLiteral', 'ipLiteral'],
  ['1.1.1.1', 'accessOff', 'ipLiteral', 'ipLiteral', 'ipLiteral'],
  ['[::1]', 'accessOff', 'ipLiteral', 'ipLiteral', 'ipLiteral'],
  ['[::ffff:1.1.1.1]', 'accessOff', 'ipLiteral', 'ipLiteral', 'ipLiteral'],
  ['[2606:4700::1111]:80', 'accessOff', 'ipLiteral', 'ipLiteral', 'ipLiteral'],
  ['[64:ff9b::8.8.8.8]', 'accessOff', 'ipLiteral', 'ipLiteral', 'ipLiteral'],
  // names that mean something on this machine or network only
  ['localhost', 'accessOff', 'localName', 'localName', 'localName'],
  ['a.localhost', 'accessOff', 'localName', 'localName', 'localName'],
  ['LOCALHOST.', 'accessOff', 'localName', 'localName', 'localName'],
  ['host.docker.internal', 'accessOff', 'localName', 'localName', 'localName'],
  ['metadata.google.internal:80', 'accessOff', 'localName', 'localName', 'localName'],
  ['metadata', 'accessOff', 'localName', 'localName', 'localName'],
  ['proxy:8080', 'accessOff', 'localName', 'localName', 'localName'],
  ['printer.local', 'accessOff', 'localName', 'localName', 'localName'],
  ['router.home.arpa', 'accessOff', 'localName', 'localName', 'localName'],
  ['abc.onion', 'accessOff', 'localName', 'localName', 'localName'],
  ['com', 'accessOff', 'localName', 'localName', 'localName'],
];

test('each target gets the verdict of the first check that refuses it', () => {
  for (const [asked, ...expected] of TARGETS) {
    Object.entries(POLICIES).forEach(([name, policy], index) => {
      assert.equal(
        outcome(checkTarget(rulesOf(policy), target(asked))),
        expected[index],
        `${asked} under ${name}`,
      );
    });
  }
});

test('the stranger of the prompt injection gets nothing under off, None and Common dependencies', () => {
  for (const policy of [
    { access: 'off' },
    { preset: 'none' },
    { preset: 'common', methods: 'all' },
  ] as const) {
    assert.notEqual(
      outcome(checkTarget(rulesOf(policy), target('httpbin.org'))),
      'allow',
      JSON.stringify(policy),
    );
  }
});

test('an address in the allowed list is reached only when the owner opened it too', () => {
  const cidr = { host: '10.1.2.3', cidr: '10.1.0.0/16' };
  const ask = (
    policy: Partial<AccessPolicy>,
    allowPrivate: { host: string; cidr: string }[],
    asked: string,
  ) => outcome(checkTarget(rulesOf(policy, { allowPrivate }), target(asked)));
  assert.equal(ask({ allow: ['10.1.2.3'] }, [], '10.1.2.3'), 'ipLiteral');
  assert.equal(ask({ allow: ['10.1.2.3'] }, [cidr], '10.1.2.3'), 'allow');
  assert.equal(ask({}, [cidr], '10.1.2.3'), 'notAllowed');
  assert.equal(ask({ preset: 'all' }, [cidr], '10.1.2.3'), 'allow');
  assert.equal(ask({ preset: 'all' }, [cidr], '10.1.2.4'), 'ipLiteral');
  assert.equal(ask({ preset: 'all', deny: ['10.1.2.3'] }, [cidr], '10.1.2.3'), 'deniedDomain');
  assert.equal(ask({ preset: 'all' }, [{ host: '[fd00::1]', cidr: 'fd00::1' }], '[fd00:0::1]'), 'allow');
});

test('an address has no subdomains', () => {
  const rules = rulesOf({ preset: 'all' }, { allowPrivate: [{ host: '1.2.3.4', cidr: '0.0.0.0/0' }] });
  assert.equal(outcome(checkTarget(rules, target('1.2.3.4'))), 'allow');
  assert.equal(
    outcome(checkTarget(rules, { scheme: 'https', host: '9.1.2.3.4', ip: 4, port: 443 })),
    'ipLiteral',
  );
});

test('a local name is reached when the owner named it', () => {
  const rules = rulesOf(
    { allow: ['registry', 'git.internal'] },
    { allowPrivate: [{ host: 'registry', cidr: '10.0.0.0/8' }] },
  );
  assert.equal(outcome(checkTarget(rules, target('registry'))), 'allow');
  assert.equal(outcome(checkTarget(rules, target('git.internal'))), 'localName');
});

test('TLS is opened when methods are limited, or when the owner says always', () => {
  const intercepts = (
    policy: Partial<AccessPolicy>,
    intercept: 'whenNeeded' | 'always',
    scheme: 'http' | 'https',
  ) => {
    const verdict = checkTarget(
      rulesOf({ preset: 'all', ...policy }, { intercept }),
      target('example.com', scheme),
    );
    assert.equal(verdict.verdict, 'allow');
    return verdict.verdict === 'allow' && verdict.intercept;
  };
  assert.equal(intercepts({}, 'whenNeeded', 'https'), false);
  assert.equal(intercepts({ methods: 'read' }, 'whenNeeded', 'https'), true);
  assert.equal(intercepts({}, 'always', 'https'), true);
  assert.equal(intercepts({ methods: 'read' }, 'always', 'http'), false);
});

const HELLOS: [hello: ClientHelloFacts, plain: string, intercepted: string][] = [
  [{ tls: false }, 'notTls', 'notTls'],
  [{ tls: true, serverName: null, encrypted: false }, 'noServerName', 'noServerName'],
  [{ tls: true, serverName: 'example.com', encrypted: false }, 'allow', 'allow'],
  [{ tls: true, serverName: 'EXAMPLE.com', encrypted: false }, 'allow', 'allow'],
  [{ tls: true, serverName: 'example.com.', encrypted: false }, 'allow', 'allow'],
  [{ tls: true, serverName: 'example.com', encrypted: true }, 'encryptedServerName', 'allow'],
  [{ tls: true, serverName: 'a.example.com', encrypted: false }, 'serverNameMismatch', 'serverNameMismatch'],
  [{ tls: true, serverName: 'evil.test', encrypted: false }, 'serverNameMismatch', 'serverNameMismatch'],
  [{ tls: true, serverName: 'evil.test', encrypted: true }, 'encryptedServerName', 'serverNameMismatch'],
  [{ tls: true, serverName: '', encrypted: false }, 'serverNameMismatch', 'serverNameMismatch'],
  [{ tls: true, serverName: 'example.com\0', encrypted: false }, 'serverNameMismatch', 'serverNameMismatch'],
  [
    { tls: true, serverName: 'example.com\0.evil.test', encrypted: false },
    'serverNameMismatch',
    'serverNameMismatch',
  ],
  [
    { tls: true, serverName: 'example.com:443', encrypted: false },
    'serverNameMismatch',
    'serverNameMismatch',
  ],
  [{ tls: true, serverName: '1.1.1.1', encrypted: false }, 'serverNameMismatch', 'serverNameMismatch'],
];

test('a tunnel carries TLS for the host that it was opened to', () => {
  for (const [hello, plain, intercepted] of HELLOS) {
    assert.equal(outcome(checkServerName(target('example.com'), hello)), plain, JSON.stringify(hello));
    assert.equal(
      outcome(checkServerName(target('example.com'), hello, true)),
      intercepted,
      JSON.stringify(hello),
    );
  }
  const byAddress = target('10.1.2.3');
  assert.equal(
    outcome(checkServerName(byAddress, { tls: true, serverName: null, encrypted: false })),
    'allow',
  );
  assert.equal(
    outcome(checkServerName(byAddress, { tls: true, serverName: 'evil.test', encrypted: false })),
    'serverNameMismatch',
  );
});
