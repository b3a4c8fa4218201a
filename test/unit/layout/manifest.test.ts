import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ROOT } from './imports.ts';

interface Manifest {
  icon?: string;
  main: string;
  engines: { vscode: string };
  devDependencies: Record<string, string>;
  contributes: {
    commands: { command: string; category?: string }[];
    menus: Record<string, { command?: string }[]>;
    keybindings?: { command: string }[];
    configuration: { properties: Record<string, { scope?: string }> };
  };
}

const text = readFileSync(join(ROOT, 'package.json'), 'utf8');
const manifest = JSON.parse(text) as Manifest;
const strings = JSON.parse(readFileSync(join(ROOT, 'package.nls.json'), 'utf8')) as Record<string, string>;

test('no workspace chooses where tasks and keys go', () => {
  const { properties } = manifest.contributes.configuration;
  for (const name of ['serverUrl', 'model', 'modelBaseUrl', 'sandbox', 'dataFolder']) {
    const scope = properties[`codexTasks.${name}`]?.scope;
    assert.ok(scope === 'application' || scope === 'machine', `${name} has the scope ${scope}`);
  }
});

test('every command of ours that a menu or a key names exists, in the one category', () => {
  const { commands, menus, keybindings = [] } = manifest.contributes;
  const known = new Set(commands.map(({ command }) => command));
  const named = [...Object.values(menus).flat(), ...keybindings].flatMap(({ command }) => command ?? []);
  assert.deepEqual(
    named.filter((command) => command.startsWith('codexTasks.') && !known.has(command)),
    [],
  );
  for (const { command, category } of commands) assert.equal(category, '%category%', command);
});

test('every string of the manifest is there, and none is left over', () => {
  const used = new Set([...text.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key ?? ''));
  assert.deepEqual([...used].filter((key) => !(key in strings)).sort(), []);
  assert.deepEqual(
    Object.keys(strings)
      .filter((key) => !used.has(key))
      .sort(),
    [],
  );
});

test('files that the manifest names are there', () => {
  const named = [...text.matchAll(/"((?:\.\/)?media\/[^"]+)"/g)].map(([, path]) => path ?? '');
  if (manifest.icon) named.push(manifest.icon);
  for (const path of named) assert.ok(existsSync(join(ROOT, path)), path);
});

test('the types are those of the oldest VS Code that is supported', () => {
  assert.equal(manifest.engines.vscode, `^${manifest.devDependencies['@types/vscode']}`);
});
