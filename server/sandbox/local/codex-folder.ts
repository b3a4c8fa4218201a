/** The runner's files by content, in the data folder, shared read-only by all local sandboxes. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CodexError } from '../../../protocol/errors.ts';
import { findNode } from '../node-binary.ts';
import { runnerFiles, type CommandScript } from '../runner-files.ts';

export interface Shape {
  platform: 'linux' | 'darwin';
  /** Makes what stands at `node` in the folder: a file to mount on, or a link. */
  fill: (path: string, node: string) => Promise<void>;
  /** How our commands find what is beside them. */
  script?: CommandScript;
}

export async function codexFolder(
  dataDir: string,
  { platform, fill, script }: Shape,
): Promise<{ codex: string; node: string }> {
  const node = await findNode(process.arch, platform);
  if (!node) {
    const detail = `No Node for ${platform} was found. Install the npm package node-${platform}-${process.arch}.`;
    throw new CodexError('sandboxStartFailed', { detail }, { detail });
  }
  const { files, hash } = await runnerFiles(`${node.path} ${node.identity}`, script);
  const codex = join(dataDir, 'runner', hash);
  try {
    await readFile(join(codex, 'complete'));
  } catch {
    await mkdir(join(codex, 'bin'), { recursive: true, mode: 0o755 });
    await fill(join(codex, 'node'), node.path);
    for (const file of files) {
      await writeFile(join(codex, file.path), file.content, { mode: file.mode });
      await chmod(join(codex, file.path), file.mode);
    }
    await writeFile(join(codex, 'complete'), hash);
  }
  return { codex, node: node.path };
}
