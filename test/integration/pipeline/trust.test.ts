/** The proxy's certificate in a container's own trust store: as the system's tool would have put it there, at once. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openAuthority } from '../../../server/egress/authority/index.ts';
import { proxyCertOf, trustScript } from '../../../server/pipeline/internet-env.ts';
import { DockerDriver } from '../../../server/sandbox/docker/driver.ts';
import type { Sandbox } from '../../../server/sandbox/sandbox.ts';
import { newTask, scratchDir, sh } from '../sandbox/help.ts';

const data = scratchDir();
const driver = new DockerDriver(data.path);
after(async () => {
  for (const ref of await driver.list()) await driver.remove(ref.name);
  await driver.close();
  data.remove();
});

const CERT = proxyCertOf('/root');
/** What the store has, in no order: links with where they lead, and the bundle's certificates. */
const STORE = `cd /etc/ssl/certs; find . -type l -printf '%p %l\\n' | sort;
  awk '/BEGIN/ { n++ } { part[n] = part[n] $0 } END { for (i in part) print part[i] }' ca-certificates.crt | sort`;
const VERIFY = `openssl verify -CApath /etc/ssl/certs -no-CAfile ${CERT} && openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt -no-CApath ${CERT}`;

async function trust(sandbox: Sandbox, certificate: string): Promise<string> {
  await sandbox.put(CERT, Buffer.from(certificate));
  const ran = await sh(sandbox, trustScript('/root'), { timeoutMs: 120_000 });
  assert.equal(ran.exitCode, 0, ran.output);
  return ran.output;
}
async function told(sandbox: Sandbox, script: string): Promise<string> {
  const ran = await sh(sandbox, script, { timeoutMs: 120_000 });
  assert.equal(ran.exitCode, 0, ran.output);
  return ran.output;
}

test('it stands where the system’s tool would have put it, without that tool; another one takes its place', async () => {
  const [first, second] = await Promise.all([
    openAuthority(join(data.path, 'one')),
    openAuthority(join(data.path, 'other')),
  ]);
  const sandbox = await driver.open(newTask());
  const before = await told(sandbox, STORE);

  assert.doesNotMatch(await trust(sandbox, first.certificatePem), /added|done/, 'the tool was not needed');
  const ours = await told(sandbox, STORE);
  assert.notEqual(ours, before);
  assert.equal((await told(sandbox, VERIFY)).match(/: OK/g)?.length, 2);

  // Again: nothing changes. And the tool, when the image's own setup runs it, finds nothing to do.
  await trust(sandbox, first.certificatePem);
  assert.equal(await told(sandbox, STORE), ours);
  assert.match(await told(sandbox, 'update-ca-certificates'), /\b0 added, 0 removed/);
  assert.equal(await told(sandbox, STORE), ours);

  await trust(sandbox, second.certificatePem);
  assert.equal((await told(sandbox, VERIFY)).match(/: OK/g)?.length, 2);
  const replaced = await told(sandbox, STORE);
  assert.equal(replaced.split('\n').length, ours.split('\n').length, 'instead of the first, not beside it');
  await sandbox.detach();
});

/** Takes one certificate; says what it was asked for. */
const KEYTOOL = `#!/bin/bash
echo "$1" >> /opt/jdk/asked
held=/opt/jdk/lib/security/cacerts
case $1 in
  -importcert) [ ! -s $held ] || exit 1; for one; do [ "$before" = -file ] && cat "$one" > $held; before=$one; done;;
  -delete) : > $held;;
esac
`;

test('Java’s own store gets it once, and a newer one instead', async () => {
  const [first, second] = await Promise.all([
    openAuthority(join(data.path, 'one')),
    openAuthority(join(data.path, 'other')),
  ]);
  const sandbox = await driver.open(newTask());
  await told(sandbox, 'mkdir -p /opt/jdk/bin /opt/jdk/lib/security; : > /opt/jdk/lib/security/cacerts');
  await sandbox.put('/opt/jdk/bin/keytool', Buffer.from(KEYTOOL));
  await told(sandbox, 'chmod +x /opt/jdk/bin/keytool; ln -s /opt/jdk/bin/keytool /usr/local/bin/keytool');
  const held = () => told(sandbox, 'cat /opt/jdk/lib/security/cacerts');
  for (const again of [1, 2]) {
    await trust(sandbox, first.certificatePem);
    assert.equal(await held(), first.certificatePem, `${again}`);
  }
  assert.equal(await told(sandbox, 'cat /opt/jdk/asked'), '-importcert\n', 'asked for once');
  await trust(sandbox, second.certificatePem);
  assert.equal(await held(), second.certificatePem);
  await sandbox.detach();
});
