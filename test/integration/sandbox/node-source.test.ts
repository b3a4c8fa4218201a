/** A backend without a Node of its own to give takes the default image's. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import Docker from 'dockerode';
import { nodeOfImage } from '../../../server/sandbox/docker/node-source.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { removeFolder, temporaryFolder } from '../../support/git.ts';

test('the Node inside the default image is read whole', async () => {
  const dataDir = temporaryFolder('node-source');
  const driver = createDriver({ kind: 'docker', dataDir });
  // Makes the default image if it is not there.
  const spec = { taskId: 'nodesource1', attempt: 1, generation: 1, repoName: 'r', limits: resolveLimits() };
  const sandbox = await driver.open(spec);
  try {
    const docker = new Docker();
    const image = (await docker.getContainer(sandbox.name).inspect()).Image;
    const hash = createHash('sha256');
    let size = 0;
    let announced = 0;
    await nodeOfImage(docker, image).read(async (bytes, content) => {
      announced = bytes;
      for await (const chunk of content as AsyncIterable<Buffer>) {
        hash.update(chunk);
        size += chunk.length;
      }
    });
    assert.equal(size, announced);
    let printed = '';
    await sandbox.run(
      {
        callId: 'hash',
        argv: ['sha256sum', '/usr/local/bin/node'],
        cwd: '/',
        env: { PATH: '/usr/bin:/bin' },
        timeoutMs: 60_000,
        maxOutputBytes: 1000,
      },
      { onOutput: (bytes) => (printed += bytes.toString()) },
    );
    assert.equal(printed.split(' ')[0], hash.digest('hex'));
  } finally {
    await sandbox.detach();
    await driver.remove(sandbox.name);
    removeFolder(dataDir);
  }
});
