/** The commands of ours that the agent has on its PATH, for loops without a real sandbox. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const MAIN = {
  apply_patch: '../../../runner/apply-patch/main.ts',
  view_image: '../../../runner/view-image/main.ts',
};

export async function commandsBin(): Promise<{ env: () => Record<string, string>; remove(): Promise<void> }> {
  const bin = await mkdtemp(join(tmpdir(), 'codex-bin-'));
  for (const [name, main] of Object.entries(MAIN)) {
    const path = join(import.meta.dirname, main);
    await writeFile(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${path}' "$@"\n`);
    await chmod(join(bin, name), 0o755);
  }
  return {
    env: () => ({ PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH']}` }),
    remove: () => rm(bin, { recursive: true, force: true }),
  };
}
