/** A forge whose certificate only this machine trusts: a company's own authority is in its system's store. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import {
  makeAuthority,
  makeLeaf,
  makeLeafKey,
  readAuthority,
} from '../../../server/egress/authority/certificates.ts';
import { removeFolder, temporaryFolder } from '../../support/git.ts';

const OUTLET = join(import.meta.dirname, '../../../server/outlet.ts');

test(
  'an authority of the system’s store is trusted, and no other',
  { skip: process.platform !== 'linux' },
  async () => {
    const folder = temporaryFolder('trust');
    const [company, other] = [await makeAuthority(), await makeAuthority()];
    const key = await makeLeafKey();
    const cert = await makeLeaf(await readAuthority(company.key, company.certificate), key, 'localhost');
    const server = createServer({ key: key.pem, cert }, (_request, response) => response.end('{}'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
    const asked = async (trusted: string): Promise<string> => {
      const file = join(folder, 'ca.pem');
      writeFileSync(file, trusted);
      const script = `
      import { Outlet } from ${JSON.stringify(OUTLET)};
      const url = new URL(${JSON.stringify(url)});
      const outlet = new Outlet(url, { loopback: true });
      outlet.request(url, { method: 'GET', fresh: false })
        .once('response', (response) => { console.log(response.statusCode); outlet.close(); })
        .once('error', (error) => console.log(error.code))
        .end();`;
      const env = { ...process.env, SSL_CERT_FILE: file, SSL_CERT_DIR: folder, NODE_OPTIONS: '' };
      const child = ['--input-type=module', '--eval', script];
      return (await promisify(execFile)(process.execPath, child, { env })).stdout.trim();
    };
    try {
      assert.equal(await asked(company.certificate), '200');
      assert.match(await asked(other.certificate), /^[A-Z_]+$/);
    } finally {
      server.closeAllConnections();
      server.close();
      removeFolder(folder);
    }
  },
);
