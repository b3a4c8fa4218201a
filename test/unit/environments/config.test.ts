import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { rootCertificates } from 'node:tls';
import { CodexError } from '../../../protocol/errors.ts';
import { CONFIG_FILE, readSettings } from '../../../server/config.ts';

let dir = '';
before(async () => (dir = await mkdtemp(join(tmpdir(), 'codex-egress-config-'))));
after(() => rm(dir, { recursive: true }));

async function egressOf(text: string) {
  await writeFile(join(dir, CONFIG_FILE), text);
  return (await readSettings(dir, {})).egress;
}

test('without a word about it nothing private is open and TLS is looked into when needed', async () => {
  assert.deepEqual(await egressOf('log: warn\n'), { allowPrivate: [], intercept: 'whenNeeded' });
});

test('the owner opens private addresses by name, names a proxy and further authorities', async () => {
  await writeFile(join(dir, 'company.pem'), `our own\n${rootCertificates[0]}\n${rootCertificates[1]}\n`);
  const rules = await egressOf(
    [
      'egress:',
      '  allowPrivate:',
      '    - {host: git.example.com, cidr: 10.1.0.0/16}',
      '    - {host: "=intranet", cidr: "fd12:3456::/32"}',
      '  upstreamProxy: http://me:secret@proxy.example.com:3128',
      '  extraCa: company.pem',
      '  intercept: always',
    ].join('\n'),
  );
  assert.deepEqual(rules, {
    allowPrivate: [
      { host: 'git.example.com', cidr: '10.1.0.0/16' },
      { host: '=intranet', cidr: 'fd12:3456::/32' },
    ],
    upstreamProxy: 'http://me:secret@proxy.example.com:3128',
    extraCa: join(dir, 'company.pem'),
    intercept: 'always',
  });
});

test('what can not be used is an error with its place, before anything starts', async () => {
  await writeFile(join(dir, 'empty.pem'), 'nothing here\n');
  await writeFile(join(dir, 'broken.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const wrong: [string, RegExp][] = [
    ['allowPrivat: []', /config\.yaml: egress.*allowPrivat/],
    ['allowPrivate: [{host: com, cidr: 10.0.0.0/8}]', /egress\.allowPrivate: “com” is a public suffix/],
    [
      'allowPrivate: [{host: a.example, cidr: 10.0.0.0/33}]',
      /egress\.allowPrivate: “10\.0\.0\.0\/33” is not/,
    ],
    ['allowPrivate: [{host: "*", cidr: 10.0.0.0/8}]', /egress\.allowPrivate: “\*” would allow everything/],
    ['allowPrivate: [{host: "a.example:22", cidr: 10.0.0.0/8}]', /egress\.allowPrivate: .*the port/],
    ['allowPrivate: [{host: a.example}]', /egress\.allowPrivate\.0\.cidr/],
    ['upstreamProxy: proxy:3128', /egress\.upstreamProxy: write an address such as http:/],
    ['upstreamProxy: https://proxy.example', /egress\.upstreamProxy: write an address/],
    ['upstreamProxy: http://proxy.example/path', /egress\.upstreamProxy: an address ends after the port/],
    ['upstreamProxy: http://a%zz@proxy.example', /egress\.upstreamProxy: .*%25/],
    ['extraCa: missing.pem', /egress\.extraCa: .*missing\.pem can’t be read/],
    ['extraCa: empty.pem', /egress\.extraCa: .*holds no certificate/],
    ['extraCa: broken.pem', /egress\.extraCa: .*broken\.pem can’t be read/],
    ['intercept: never', /egress\.intercept/],
  ];
  for (const [text, message] of wrong) {
    await assert.rejects(egressOf(`egress:\n  ${text}\n`), (error: unknown) => {
      assert.ok(error instanceof CodexError && error.code === 'badRequest', text);
      assert.match(error.message, message);
      return true;
    });
  }
});

test('a wrong address of a proxy is not repeated: it may hold a password', async () => {
  await assert.rejects(egressOf('egress: {upstreamProxy: "socks5://me:secret@proxy.example"}\n'), (error) => {
    assert.doesNotMatch(JSON.stringify([String(error), (error as CodexError).wire]), /secret/);
    return true;
  });
});
