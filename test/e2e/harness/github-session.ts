/** The package of a small extension that gives VS Code a session at the stand-in GitHub. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
const FOLDER = join(import.meta.dirname, '../github-session-extension');

export function githubSessionPackage(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'codex-session-')), 'session.vsix');
  const vsce = join(ROOT, 'node_modules/@vscode/vsce/vsce');
  const flags = ['--no-dependencies', '--allow-missing-repository', '--skip-license'];
  const made = spawnSync(process.execPath, [vsce, 'package', ...flags, '--out', path], { cwd: FOLDER });
  if (made.status !== 0) throw new Error(`The package could not be made: ${made.stderr.toString('utf8')}`);
  return path;
}
