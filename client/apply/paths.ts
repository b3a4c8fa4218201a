/**
 * Which names a patch may touch. The same answer on every system where it can be: a patch that is
 * refused on Windows for `.GIT~1` is refused on Linux too, since the folder may be shared.
 */
import { bytesOfPath, pathFromBytes } from '../patch/names.ts';
import type { ApplyReason, WirePath } from './types.ts';

/** Code points that HFS+ drops when it compares names, so that `.g\u200cit` is `.git` there. */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
const WINDOWS_RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])( *\..*| *:.*|)$/i;
const WINDOWS_FORBIDDEN = /[<>:"|?*\\\u0000-\u001f]|[. ]$/;

/** Why this path must not be touched, or null. */
export function refusalOf(path: WirePath, platform: NodeJS.Platform): ApplyReason | null {
  const text = path.bytes === undefined ? path.path : bytesOfPath(path).toString('latin1');
  if (text === '' || text.includes('\0') || /^[a-z]:[/\\]/i.test(text)) return 'unsafePath';
  const parts = text.split('/');
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..') return 'unsafePath';
    // A backslash separates on Windows, whoever made the name.
    for (const piece of part.split('\\')) {
      if (piece === '..' && part !== piece) return 'unsafePath';
      if (isGitFolder(piece)) return 'insideGit';
    }
  }
  if (path.bytes !== undefined && (platform === 'win32' || platform === 'darwin')) return 'nameNotUtf8';
  if (
    platform === 'win32' &&
    parts.some((part) => WINDOWS_RESERVED.test(part) || WINDOWS_FORBIDDEN.test(part))
  ) {
    return 'reservedName';
  }
  return null;
}

/** `.git` in any spelling that some file system takes for it. */
function isGitFolder(part: string): boolean {
  const plain = part.replace(HFS_IGNORED, '').toLowerCase();
  // NTFS drops trailing dots and spaces, and what follows a colon is a stream.
  const ntfs = plain.replace(/:.*$/s, '').replace(/[. ]+$/, '');
  return ntfs === '.git' || ntfs === 'git~1';
}

/** Paths that are one file on a case-insensitive system have one key. */
export function foldedKey(key: string): string {
  return key.normalize('NFC').toLowerCase();
}

/** The folders above a path, outermost first. */
export function ancestorsOf(path: WirePath): WirePath[] {
  const found: WirePath[] = [];
  if (path.bytes === undefined) {
    for (let at = path.path.indexOf('/'); at >= 0; at = path.path.indexOf('/', at + 1)) {
      found.push({ path: path.path.slice(0, at) });
    }
    return found;
  }
  const bytes = bytesOfPath(path);
  for (let at = bytes.indexOf(47); at >= 0; at = bytes.indexOf(47, at + 1))
    found.push(pathFromBytes(bytes.subarray(0, at)));
  return found;
}

export function childOf(folder: WirePath | null, name: string): WirePath {
  if (folder === null) return { path: name };
  if (folder.bytes === undefined) return { path: `${folder.path}/${name}` };
  return pathFromBytes(Buffer.concat([bytesOfPath(folder), Buffer.from(`/${name}`)]));
}
