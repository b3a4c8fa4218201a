/** What our own images are built from: a folder of `images/` each, named after the hash of what is in it. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CodexError, errorText } from '../../../protocol/errors.ts';
import { assetPath } from '../../assets.ts';

/** The short names of our own; any other is somebody else's image. */
const OWN = ['base', 'universal'] as const;
export type OwnImage = (typeof OWN)[number];

/** The release of Debian that each stands on: what an image offers of languages is what its Debian has. */
export type DebianSuite = 'bookworm' | 'trixie';
const SUITES: Record<OwnImage, DebianSuite> = { base: 'bookworm', universal: 'trixie' };

export interface ContextFile {
  /** With slashes, on every system. */
  path: string;
  mode: number;
  content: Buffer;
}

export interface BuildContext {
  files: ContextFile[];
  /** `codex-tasks/<name>:<hash>` */
  image: string;
  suite: DebianSuite;
}

export function ownImage(name: string | undefined): OwnImage | null {
  return name === undefined ? 'base' : (OWN.find((own) => own === name) ?? null);
}

export async function readContext(name: OwnImage, dir = assetPath('images', name)): Promise<BuildContext> {
  let files: ContextFile[];
  try {
    files = await filesBelow(dir);
  } catch (error) {
    const detail = `images/${name} is missing here: ${errorText(error)} (npm run build makes it)`;
    throw new CodexError('imageBuildFailed', { image: name }, { detail, cause: error });
  }
  const hash = createHash('sha256');
  for (const { path, content } of files) hash.update(`${path}\0${content.length}\0`).update(content);
  return { files, image: `codex-tasks/${name}:${hash.digest('hex').slice(0, 12)}`, suite: SUITES[name] };
}

async function filesBelow(dir: string): Promise<ContextFile[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1));
  const files = await Promise.all(
    paths.map(async (path): Promise<ContextFile> => {
      const content = await readFile(join(dir, path));
      // A package or a Windows disk may have lost the mode; what names its interpreter is a program.
      const mode = content.subarray(0, 2).toString('latin1') === '#!' ? 0o755 : 0o644;
      return { path: path.replaceAll('\\', '/'), mode, content };
    }),
  );
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
