/**
 * Where the runner's Node comes from: a file of this machine's, or, when there is none (a backend on
 * VS Code's own Node, on macOS or Windows), the default image, which has one for its architecture.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { extract } from 'tar-stream';
import { CodexError } from '../../../protocol/errors.ts';
import type { NodeBinary } from '../node-binary.ts';
import { LABEL } from './spec.ts';

/** Where `images/base` puts it. */
const NODE_IN_IMAGE = '/usr/local/bin/node';

export interface NodeSource {
  /** Changes when it is another Node. */
  identity: string;
  read(into: (bytes: number, content: Readable) => Promise<void>): Promise<void>;
}

export function nodeOfFile(node: NodeBinary): NodeSource {
  return {
    identity: node.identity,
    read: (into) => into(node.bytes, createReadStream(node.path, { highWaterMark: 1024 * 1024 })),
  };
}

export function nodeOfImage(docker: Docker, image: string): NodeSource {
  return {
    identity: `in ${image}`,
    async read(into) {
      const helper = await docker.createContainer({
        name: `codex-tasks-node-${randomBytes(6).toString('hex')}`,
        Image: image,
        Entrypoint: ['/never-started'],
        Labels: { [`${LABEL}.helper`]: 'true' },
        HostConfig: { NetworkMode: 'none' },
      });
      try {
        const archive = (await helper.getArchive({ path: NODE_IN_IMAGE })) as unknown as Readable;
        try {
          for await (const entry of archive.pipe(extract())) {
            if (entry.header.type !== 'file' || !entry.header.size) break;
            await into(entry.header.size, entry as unknown as Readable);
            return;
          }
        } finally {
          // What follows the one file is not read: the engine's answer would stay open.
          archive.destroy();
        }
      } finally {
        await helper.remove({ force: true });
      }
      const detail = `The default image has no Node at ${NODE_IN_IMAGE}.`;
      throw new CodexError('sandboxStartFailed', { detail }, { detail });
    },
  };
}
