/**
 * How to read what a stopped container changed, as plain data: from the engine's list of paths to the
 * fewest archives that hold them. An archive of one path costs the engine a mount (50 ms and more,
 * measured), so new folders are taken whole, and when too many paths are left the whole file system is
 * exported once.
 *
 * The engine lists paths as JSON: what is not UTF-8 in a name comes as U+FFFD and can't be asked for. Such
 * a path is looked for in its nearest folder with a clean name.
 */

/** `docker diff`, one line of it. */
export interface Change {
  Path: string;
  Kind: 0 | 1 | 2;
}

const ADDED = 1;
const DELETED = 2;

export type Source =
  /** Everything at and below this path. */
  | { take: 'all'; path: string }
  /** This one path, unless it is a folder. */
  | { take: 'one'; path: string }
  /** What the engine listed, from the archive of this folder (`/`: of everything). */
  | { take: 'listed'; path: string };

/** Measured: an archive of one small file; what an export reads in a second. */
const ARCHIVE_MS = 55;
const EXPORT_BYTES_PER_MS = 150_000;
const REPLACEMENT = '\ufffd';

/** `never`: what is not read, nor what lies below. `imageBytes`: what an export would have to read. */
export function planChanges(changes: Change[], never: string[], imageBytes: number): Source[] {
  const isBarred = (path: string): boolean => never.some((root) => isAtOrBelow(path, root));
  const present = changes.filter((one) => one.Kind !== DELETED && !isBarred(one.Path));
  const added = new Set(present.filter((one) => one.Kind === ADDED).map((one) => one.Path));
  const parents = new Set(present.map((one) => parentOf(one.Path)));
  // Mounted below it is what must not be read: its children are taken one by one.
  const hasBarred = (path: string): boolean => never.some((root) => isAtOrBelow(root, path));
  const isWhole = (path: string): boolean =>
    added.has(path) && !hasBarred(path) && !path.includes(REPLACEMENT);
  const isInWhole = (path: string): boolean => {
    for (let up = parentOf(path); up !== '/'; up = parentOf(up)) if (isWhole(up)) return true;
    return false;
  };

  const sources: Source[] = [];
  const listed = new Set<string>();
  for (const { Path: path } of present) {
    if (isInWhole(path)) continue;
    if (path.includes(REPLACEMENT)) listed.add(cleanFolderOf(path));
    else if (isWhole(path)) sources.push({ take: 'all', path });
    // A folder that is listed for what changed in it has no content of its own.
    else if (!parents.has(path) && !hasBarred(path)) sources.push({ take: 'one', path });
  }
  const folders = [...listed].filter(
    (path) => ![...listed].some((other) => other !== path && isAtOrBelow(path, other)),
  );
  const rest = sources.filter((one) => !folders.some((folder) => isAtOrBelow(one.path, folder)));
  const plan: Source[] = [...folders.map((path): Source => ({ take: 'listed', path })), ...rest];
  const isDear = plan.length * ARCHIVE_MS > imageBytes / EXPORT_BYTES_PER_MS;
  return folders.includes('/') || isDear ? [{ take: 'listed', path: '/' }] : plan;
}

/** How the engine would list these bytes, whatever it makes of what is not UTF-8: to compare by. */
export function listedAs(path: Buffer | string): string {
  return (typeof path === 'string' ? path : path.toString('utf8')).replace(/\ufffd+/g, REPLACEMENT);
}

export function isAtOrBelow(path: string, root: string): boolean {
  return path === root || root === '/' || path.startsWith(`${root}/`);
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

function cleanFolderOf(path: string): string {
  return parentOf(path.slice(0, path.indexOf(REPLACEMENT)) + '_');
}
