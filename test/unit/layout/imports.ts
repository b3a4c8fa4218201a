/** The source files of the project and what each imports, as the layout tests see them. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

export const ROOT = join(import.meta.dirname, '../../..');

/** Rooms whose code ships; `test` and `scripts` may import from all of them. */
export const SHIPPED = ['protocol', 'client', 'runner', 'cli', 'server', 'extension', 'webview'] as const;

export interface SourceFile {
  /** From the root, with `/`. */
  path: string;
  lines: number;
  /** Files of ours, from the root. */
  ours: string[];
  /** The specifiers that name no file of ours: packages and `node:` modules. */
  packages: string[];
}

export function sourceFiles(folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) => filesBelow(join(ROOT, folder))).map(readSource);
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('node_modules'));
}

function readSource(file: string): SourceFile {
  const text = readFileSync(file, 'utf8');
  const ours: string[] = [];
  const packages: string[] = [];
  for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
    if (fileName.startsWith('.')) ours.push(fromRoot(join(dirname(file), fileName)));
    else packages.push(fileName);
  }
  return { path: fromRoot(file), lines: text.split('\n').length - 1, ours, packages };
}

function fromRoot(file: string): string {
  return relative(ROOT, file).replaceAll('\\', '/');
}
