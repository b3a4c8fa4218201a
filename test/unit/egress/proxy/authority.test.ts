import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openAuthority } from '../../../../server/egress/authority/index.ts';
import { makeLeaf, makeLeafKey, readAuthority } from '../../../../server/egress/authority/certificates.ts';

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'codex-authority-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const read = (folder: string, name: string): string => readFileSync(join(folder, name), 'utf8');

test('an authority is made once, with a key that only its owner reads', async () => {
  await withFolder(async (folder) => {
    const first = await openAuthority(folder);
    const again = await openAuthority(folder);
    assert.equal(again.certificatePem, first.certificatePem);
    assert.equal(statSync(join(folder, 'authority.key.pem')).mode & 0o777, 0o600);
    assert.ok(!first.certificatePem.includes('PRIVATE'));
  });
});

test('a key that does not belong to the certificate is not used', async () => {
  await withFolder(async (folder) => {
    const first = await openAuthority(folder);
    const { pem } = await makeLeafKey();
    writeFileSync(join(folder, 'authority.key.pem'), pem);
    const again = await openAuthority(folder);
    assert.notEqual(again.certificatePem, first.certificatePem);
  });
});

test("a host's certificate passes OpenSSL's strict verification, and for that host only", async () => {
  await withFolder(async (folder) => {
    await openAuthority(folder);
    const signer = await readAuthority(read(folder, 'authority.key.pem'), read(folder, 'authority.crt.pem'));
    const host = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.com`;
    const leaf = await makeLeaf(signer, await makeLeafKey(), host);
    writeFileSync(join(folder, 'leaf.pem'), leaf);
    const verify = (name: string): string =>
      execFileSync(
        'openssl',
        ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', name].concat(
          '-CAfile',
          join(folder, 'authority.crt.pem'),
          join(folder, 'leaf.pem'),
        ),
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
      );
    assert.match(verify(host), /: OK/);
    assert.throws(() => verify('example.com'));
  });
});

test("a host's context is made once and forgotten after many others", async () => {
  await withFolder(async (folder) => {
    const authority = await openAuthority(folder, 5);
    const first = await authority.contextFor('a.example.com');
    assert.equal(await authority.contextFor('a.example.com'), first);
    for (let at = 0; at < 5; at++) await authority.contextFor(`h${at}.example.com`);
    assert.notEqual(await authority.contextFor('a.example.com'), first);
  });
});
