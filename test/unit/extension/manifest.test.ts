/** What a typo would hide silently: commands, context keys, views of the manifest against the code. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  contributes: Record<string, unknown> & { commands: { command: string; icon?: string }[] };
};
const text = JSON.stringify(manifest);

/** Read from the source: these files import `vscode`, which is only there in an extension host. */
const COMMANDS = [
  ...(/COMMAND_NAMES = \[([^\]]*)\]/.exec(read('extension/platform/commands.ts'))?.[1] ?? '').matchAll(
    /'(\w+)'/g,
  ),
].map(([, name]) => `codexTasks.${name}`);
const KEYS = [...read('extension/platform/contextKeys.ts').matchAll(/^ {2}'(codexTasks\.\w+)': /gm)].map(
  ([, key]) => key ?? '',
);

/** VS Code's own keys that our clauses use. */
const FOREIGN_KEYS = ['view', 'viewItem', 'isWorkspaceTrusted'];
const VIEWS = ['codexTasks.composer', 'codexTasks.tasks'];

function clauses(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    (key === 'when' || key === 'enablement') && typeof value === 'string' ? [value] : clauses(value),
  );
}

test('the manifest has exactly the commands that are registered', () => {
  assert.deepEqual(manifest.contributes.commands.map(({ command }) => command).sort(), [...COMMANDS].sort());
});

test('when-clauses use only keys that something sets', () => {
  const used = clauses(manifest.contributes).flatMap((clause) =>
    clause
      .replace(/'[^']*'|\/(?:\\.|[^/])*\//g, ' ')
      .split(/[^\w.]+/)
      .filter((word) => word !== ''),
  );
  const known = [...new Set(KEYS), ...FOREIGN_KEYS, ...VIEWS];
  assert.deepEqual(
    [...new Set(used)].filter((word) => !known.includes(word)),
    [],
  );
  assert.ok(KEYS.length >= 3);
});

test('a welcome view has one button, and offers a restart only for a backend of one’s own', () => {
  const nls = JSON.parse(read('package.nls.json')) as Record<string, string>;
  const views = manifest.contributes['viewsWelcome'] as { when: string; contents: string }[];
  assert.ok(views.length > 5);
  for (const { when, contents } of views) {
    const text = nls[contents.slice(1, -1)] ?? '';
    assert.notEqual(text, '', contents);
    // VS Code makes a button of a link that is a line by itself.
    assert.ok((text.match(/^\[[^\]]*\]\([^)]*\)$/gm) ?? []).length <= 1, contents);
    if (text.includes('restartBackend')) assert.match(when, /(?<!!)codexTasks\.ownBackend/, contents);
  }
});

test('what only a backend of one’s own can do is not in the palette for another', () => {
  const menus = manifest.contributes['menus'] as Record<string, { command: string; when?: string }[]>;
  for (const menu of ['commandPalette', 'view/title']) {
    for (const command of ['codexTasks.restartBackend', 'codexTasks.stopBackend']) {
      const item = menus[menu]?.find((one) => one.command === command);
      assert.match(item?.when ?? '', /codexTasks\.ownBackend/, `${command} in ${menu}`);
    }
  }
});

test('menus name the words that rows carry', () => {
  const words = [...text.matchAll(/viewItem =~ \/\\+b(\w+)\\+b/g)].map(([, word]) => word ?? '');
  const describe = read('extension/tasks/describe.ts');
  assert.ok(words.length > 5);
  for (const word of words) assert.match(describe, new RegExp(`'${word}'`), word);
});

test('commands that buttons and links name exist', () => {
  const named = [
    ...text.matchAll(/command:(codexTasks\.\w+)/g),
    ...read('package.nls.json').matchAll(/command:(codexTasks\.\w+)/g),
    ...[
      'report.ts',
      'submit.ts',
      'apply/applier.ts',
      'tasks/surfaces.ts',
      'composer/view.ts',
      'connection/backend.ts',
      'internet/access.ts',
      'internet/warning.ts',
    ].flatMap((file) => [...read(`extension/${file}`).matchAll(/'(codexTasks\.\w+)'/g)]),
  ].map(([, name]) => name ?? '');
  const { properties } = manifest.contributes['configuration'] as { properties: object };
  const keysAndViews = [...KEYS, ...VIEWS, ...Object.keys(properties), 'codexTasks.status'];
  const unknown = [...new Set(named)].filter(
    (name) => !COMMANDS.includes(name) && !keysAndViews.includes(name),
  );
  assert.deepEqual(unknown, []);
});

test('icons are ones that exist', () => {
  const css = read('node_modules/@vscode/codicons/dist/codicon.css');
  const sources = [
    'task/attempts',
    'task/images',
    'task/plan',
    'task/report',
    'task/turn',
    'task/usage',
    'markdown/diagram',
    'composer/options',
    'task/header',
    'task/entries',
    'task/result',
    'task/command',
    'task/main',
    'task/follow-up',
    'task/environment/failure',
    'task/environment/line',
    'task/internet/chip',
    'task/internet/denials',
    'task/internet/log',
    'composer/main',
    'environment/bar',
    'environment/conflict',
    'environment/list',
    'environment/main',
    ...['image', 'internet', 'scripts', 'secrets', 'variables'].map((name) => `environment/sections/${name}`),
    'ui/fields',
  ].map((file) => read(`webview/${file}.tsx`));
  const names = [
    ...manifest.contributes.commands.flatMap(({ icon }) => /\$\((.+)\)/.exec(icon ?? '')?.[1] ?? []),
    ...sources.flatMap((source) =>
      [...source.matchAll(/(?:icon|name)="([a-z-]+)"/g)].map(([, name]) => name ?? ''),
    ),
    ...[...read('extension/tasks/describe.ts').matchAll(/\bid: '([a-z-]+)/g)].map(([, name]) => name ?? ''),
  ];
  assert.ok(names.length > 20);
  for (const name of names) assert.match(css, new RegExp(`\\.codicon-${name}:before`), name);
});
