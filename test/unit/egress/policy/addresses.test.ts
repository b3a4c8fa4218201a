import assert from 'node:assert/strict';
import test from 'node:test';
import { checkAddresses } from '../../../../server/egress/policy/index.ts';
import { outcome, rulesOf } from './support.ts';

const rules = rulesOf({ preset: 'all' });
const check = (addresses: string[], own: string[] = []) =>
  outcome(checkAddresses(rules, 'example.com', addresses, own));

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.0.3.0',
  '192.88.98.255',
  '192.88.100.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '198.51.99.255',
  '198.51.101.0',
  '203.0.112.255',
  '203.0.114.0',
  '223.255.255.255',
  '140.82.121.4',
  '2606:4700:4700::1111',
  '2a00:1450:4001:82a::200e',
  '2001:4860:4860::8888',
  '2001:200::1',
  '2003::1',
  '2000::1',
  '2620:fe::fe',
  '3ffd::1',
  '3fff:1000::1',
  '2001:db7::1',
  '2001:db9::1',
];

test('a global unicast address may be dialled', () => {
  for (const address of PUBLIC) assert.equal(check([address]), 'allow', address);
});

const NOT_PUBLIC = [
  // this host, private, shared, loopback, link-local
  '0.0.0.0',
  '0.0.0.1',
  '0.255.255.255',
  '10.0.0.0',
  '10.1.2.3',
  '10.255.255.255',
  '100.64.0.0',
  '100.127.255.255',
  '127.0.0.0',
  '127.0.0.1',
  '127.0.0.2',
  '127.255.255.255',
  '169.254.0.0',
  '169.254.1.1',
  '169.254.255.255',
  '172.16.0.0',
  '172.17.0.1',
  '172.31.255.255',
  '192.168.0.0',
  '192.168.255.255',
  // protocol assignments, documentation, benchmarking, multicast, class E, broadcast
  '192.0.0.0',
  '192.0.0.8',
  '192.0.0.170',
  '192.0.0.255',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.0',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.255',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  // IPv6: unspecified, loopback, private, link-local, site-local, multicast, discard
  '::',
  '::1',
  'fc00::1',
  'fd00::1',
  'fdff:ffff::1',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'ff02::1',
  'ff0e::1',
  '100::1',
  // documentation, protocol assignments, ORCHID, benchmarking, the 6bone, segment routing, unassigned
  '2001:db8::1',
  '2001:db8:ffff::1',
  '3fff::1',
  '3fff:fff::1',
  '2001:10::1',
  '2001:20::1',
  '2001:2::1',
  '2001:1ff::1',
  '3ffe::1',
  '5f00::1',
  '4000::1',
  '8000::1',
  '1fff::1',
  'e000::1',
  '200::1',
  '400::1',
  // IPv4 inside: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP, also of public addresses
  '::ffff:10.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '::10.0.0.1',
  '::8.8.8.8',
  '::ffff:0:127.0.0.1',
  '::ffff:0:8.8.8.8',
  '64:ff9b::127.0.0.1',
  '64:ff9b::10.0.0.1',
  '64:ff9b::8.8.8.8',
  '64:ff9b::7f00:1',
  '64:ff9b:1::127.0.0.1',
  '64:ff9b:1::8.8.8.8',
  '64:ff9b:1:7f00:0:100::',
  '64:ff9b:2::1',
  '2002:7f00:1::',
  '2002:a00:1::1',
  '2002:808:808::1',
  '2001:0:7f00:1::',
  '2001::1',
  '2001:0:4136:e378:8000:63bf:80ff:fffe',
  '2606:4700::5efe:127.0.0.1',
  '2606:4700::5efe:8.8.8.8',
  '2606:4700::200:5efe:10.0.0.1',
  'fe80::5efe:10.0.0.1',
];

test('everything else is refused', () => {
  for (const address of NOT_PUBLIC) assert.equal(check([address]), 'privateAddress', address);
});

const METADATA = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  'fd00:c1::a9fe:a9fe',
  '::ffff:169.254.169.254',
  '::169.254.169.254',
  '64:ff9b::169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::169.254.169.254',
  '64:ff9b:1:a9fe:a9:fe00::',
  '2002:a9fe:a9fe::1',
  '2001:0:a9fe:a9fe::',
  '2001::5601:5601',
  '2606:4700::5efe:169.254.169.254',
  '2606:4700::5efe:168.63.129.16',
  '::ffff:100.100.100.200',
];

test('where clouds hand out credentials is refused by its own reason, in every form', () => {
  for (const address of METADATA) assert.equal(check([address]), 'metadataAddress', address);
});

test('the owner cannot open the metadata addresses either, not even by allowing everything', () => {
  const open = rulesOf(
    { preset: 'all' },
    {
      allowPrivate: [
        { host: 'example.com', cidr: '0.0.0.0/0' },
        { host: 'example.com', cidr: '::/0' },
      ],
    },
  );
  for (const address of METADATA) {
    assert.equal(outcome(checkAddresses(open, 'example.com', [address], [])), 'metadataAddress', address);
  }
  for (const address of NOT_PUBLIC) {
    assert.equal(outcome(checkAddresses(open, 'example.com', [address], [])), 'allow', address);
  }
});

test('one answer that is not public refuses all of them, wherever it stands', () => {
  assert.equal(check(['1.1.1.1', '8.8.8.8', '2606:4700::1']), 'allow');
  assert.equal(check(['10.0.0.1', '1.1.1.1']), 'privateAddress');
  assert.equal(check(['1.1.1.1', '10.0.0.1']), 'privateAddress');
  assert.equal(check(['1.1.1.1', '2606:4700::1', '::1']), 'privateAddress');
});

test('no answer at all is a name that was not found', () => {
  assert.equal(check([]), 'nameNotFound');
});

test('what is no address in the resolver’s own spelling is refused', () => {
  for (const text of [
    '',
    'example.com',
    '127.1',
    '0x7f.1',
    '2130706433',
    '1.1.1.1:80',
    '[2606:4700::1]',
    'fe80::1%eth0',
    '2606:4700::1%1',
    '01.1.1.1',
    ' 1.1.1.1',
    '1.1.1.1\0',
  ]) {
    assert.equal(check([text]), 'privateAddress', JSON.stringify(text));
  }
});

test('the machine’s own addresses are refused although they are public', () => {
  assert.equal(check(['1.1.1.1'], ['1.1.1.1', '::1']), 'ownAddress');
  assert.equal(check(['2606:4700:0:0:0:0:0:1'], ['2606:4700::1']), 'ownAddress');
  assert.equal(check(['2606:4700::1'], ['fe80::1%eth0', '2606:4700::1%eth0']), 'ownAddress');
  assert.equal(check(['1.1.1.2'], ['1.1.1.1']), 'allow');
});

test('the owner opens a range for one name and no other', () => {
  const owned = rulesOf(
    { preset: 'all' },
    { allowPrivate: [{ host: 'npm.example.com', cidr: '10.1.0.0/16' }] },
  );
  const ask = (host: string, ...addresses: string[]) =>
    outcome(checkAddresses(owned, host, addresses, ['10.1.0.9']));
  assert.equal(ask('npm.example.com', '10.1.2.3'), 'allow');
  assert.equal(ask('a.npm.example.com', '10.1.2.3'), 'allow');
  assert.equal(ask('npm.example.com', '10.1.2.3', '1.1.1.1'), 'allow');
  assert.equal(ask('npm.example.com', '10.1.0.9'), 'allow');
  assert.equal(ask('npm.example.com', '10.2.0.1'), 'privateAddress');
  assert.equal(ask('npm.example.com', '10.1.2.3', '10.2.0.1'), 'privateAddress');
  assert.equal(ask('npm.example.com', '::ffff:10.1.2.3'), 'privateAddress');
  assert.equal(ask('example.com', '10.1.2.3'), 'privateAddress');
  assert.equal(ask('xnpm.example.com', '10.1.2.3'), 'privateAddress');
});

test('a NAT64 prefix that the owner opens does not open what lies behind it', () => {
  const owned = rulesOf({ preset: 'all' }, { allowPrivate: [{ host: 'example.com', cidr: '64:ff9b::/96' }] });
  const ask = (address: string) => outcome(checkAddresses(owned, 'example.com', [address], ['9.9.9.9']));
  assert.equal(ask('64:ff9b::8.8.8.8'), 'allow');
  assert.equal(ask('64:ff9b::10.0.0.1'), 'privateAddress');
  assert.equal(ask('64:ff9b::127.0.0.1'), 'privateAddress');
  assert.equal(ask('64:ff9b::9.9.9.9'), 'ownAddress');
  assert.equal(ask('64:ff9b::169.254.169.254'), 'metadataAddress');
});
