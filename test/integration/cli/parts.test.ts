/** A command of the built program loads what it needs, not the backend with its database. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../dist/cli', import.meta.url));

/** The files that are loaded with this one, itself included. */
function loadedWith(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  const code = readFileSync(join(folder, name), 'utf8');
  for (const [, part] of code.matchAll(/^(?:\} from|import) "\.\/(part-[^"]+)";$/gm)) {
    assert.ok(part);
    loadedWith(part, found);
  }
  return found;
}
const holds = (names: Set<string>, text: string): boolean =>
  [...names].some((name) => readFileSync(join(folder, name), 'utf8').includes(text));

test('what only talks to a backend starts without one', () => {
  const entry = readFileSync(join(folder, 'codex-tasks.mjs'), 'utf8');
  const partOf = (command: string): string => {
    const [, name] = new RegExp(`import\\("\\./(part-${command}-\\w+\\.mjs)"\\)`).exec(entry) ?? [];
    assert.ok(name && readdirSync(folder).includes(name), command);
    return name;
  };
  assert.ok(holds(loadedWith(partOf('serve')), 'pglite.wasm'), 'what is looked for is in there');
  for (const command of ['run', 'env', 'steer', 'approve', 'choose', 'terminal', 'egress', 'secret'])
    assert.ok(!holds(loadedWith(partOf(command)), 'pglite.wasm'), command);
});
