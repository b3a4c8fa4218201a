import assert from 'node:assert/strict';
import test from 'node:test';
import { parseAddress, serverPlace, type ServerPlace } from '../../../../server/egress/policy/addresses.ts';

const PLACES: Record<ServerPlace, string[]> = {
  network: [
    '140.82.121.4',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.10',
    '100.64.0.1',
    '2606:50c0:8000::154',
    'fd12:3456::1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::10.0.0.1',
  ],
  loopback: ['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::127.0.0.1'],
  nowhere: [
    '0.0.0.0',
    '0.1.2.3',
    '::',
    '::ffff:0.0.0.0',
    '169.254.169.254',
    '169.254.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::169.254.169.254',
    '2002:a9fe:a9fe::1',
    '100.100.100.200',
    '168.63.129.16',
    'fd00:ec2::254',
    'fe80::1',
    'febf::1',
    'ff02::1',
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
  ],
};

for (const [place, addresses] of Object.entries(PLACES))
  for (const text of addresses)
    test(`${text}: ${place}`, () => {
      const address = parseAddress(text);
      assert.ok(address);
      assert.equal(serverPlace(address), place);
    });
