/**
 * `sandbox-exec`'s stand-in where there is no Mac: prints bubblewrap's options for the rules in the file
 * it is given, as far as Linux can hold them: what can be written, what can't be read, no network but its
 * own loopback, nobody else to signal. Paths stay as they are, as on macOS.
 */
import { existsSync, readFileSync } from 'node:fs';
import { pathsOf, rulesOf } from './parse.ts';
import type { Rule } from './parse.ts';

const REJECTED = 65;

export function optionsFor(source: string): string[] {
  const rules = rulesOf(source);
  const [first] = rules;
  if (first?.verdict !== 'deny' || first.operations[0] !== 'default')
    throw new SyntaxError('not all is denied by default');
  const binds: { at: string; option: string[] }[] = [];
  const bind = (how: 'bind' | 'ro-bind', path: string): void => {
    if (existsSync(path)) binds.push({ at: path, option: [`--${how}`, path, path] });
  };
  const denied = rules
    .filter(isDenied)
    .flatMap((rule) => pathsOf(rule, 'subpath'))
    .sort();
  for (const rule of rules.slice(rules.findIndex(isDenied))) {
    const paths = [...pathsOf(rule, 'subpath'), ...pathsOf(rule, 'literal')];
    const { verdict, operations } = rule;
    if (verdict === 'allow' && operations.includes('file-write*'))
      paths.forEach((path) => bind('bind', path));
    else if (verdict === 'allow' && operations.includes('file-read*'))
      paths.forEach((path) => bind('ro-bind', path));
    else if (verdict === 'deny' && operations.includes('file-write*'))
      paths.forEach((path) => bind('ro-bind', path));
  }
  return [
    ...['--unshare-pid', '--unshare-net', '--die-with-parent', '--cap-drop', 'ALL'],
    ...['--ro-bind', '/', '/', '--dev-bind', '/dev', '/dev', '--proc', '/proc'],
    // To be walked through, and no more.
    ...denied.filter(existsSync).flatMap((path) => ['--perms', '0111', '--tmpfs', path]),
    ...binds.flatMap(({ option }) => option),
    ...denied.filter(existsSync).flatMap((path) => ['--remount-ro', path]),
  ];
}

function isDenied({ verdict, operations, filters }: Rule): boolean {
  return verdict === 'deny' && operations.includes('file*') && filters.length > 0;
}

if (import.meta.main) {
  try {
    const options = optionsFor(readFileSync(process.argv[2] ?? '', 'utf8'));
    process.stdout.write(options.map((option) => `${option}\0`).join(''));
  } catch (error) {
    process.stderr.write(`sandbox-exec: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = REJECTED;
  }
}
