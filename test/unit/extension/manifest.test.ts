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
const listed = (name: string) =>
  [
    ...(
      new RegExp(`${name} = \\[([^\\]]*)\\]`).exec(read('extension/platform/commands.ts'))?.[1] ?? ''
    ).matchAll(/'(\w+)'/g),
  ].map(([, command]) => `codexTasks.${command}`);
const CHANGES_COMMANDS = listed('CHANGES_COMMANDS');
const PULL_REQUEST_COMMANDS = listed('PULL_REQUEST_COMMANDS');
const COMMANDS = [...listed('COMMAND_NAMES'), ...CHANGES_COMMANDS, ...PULL_REQUEST_COMMANDS];
const KEYS = [...read('extension/platform/contextKeys.ts').matchAll(/^ {2}'(codexTasks\.[\w.]+)': /gm)].map(
  ([, key]) => key ?? '',
);

/** VS Code's own keys that our clauses use. */
const FOREIGN_KEYS = [
  ...['view', 'viewItem', 'isWorkspaceTrusted', 'editorTextFocus', 'editorHasSelection'],
  // Of a change in the gutter's peek, and of comments: not documented, and a typo hides the button.
  ...['originalResourceScheme', 'commentController', 'comment'],
];
const VIEWS = ['codexTasks.composer', 'codexTasks.tasks', 'codexTasks.changes'];
/** What such keys are compared with, and where the code says it. */
const VALUES = {
  'codex-result': ['extension/changes/uris.ts', "RESULT_SCHEME = 'codex-result'"],
  'codexTasks.comments': ['extension/changes/comments.ts', "CONTROLLER = 'codexTasks.comments'"],
  codexComment: ['extension/changes/comments.ts', "contextValue: 'codexComment'"],
} as const;

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
      .split(/[^\w.-]+/)
      .filter((word) => word !== ''),
  );
  const known = [...new Set(KEYS), ...FOREIGN_KEYS, ...VIEWS, ...Object.keys(VALUES), 'false'];
  assert.deepEqual(
    [...new Set(used)].filter((word) => !known.includes(word)),
    [],
  );
  assert.ok(KEYS.length >= 3);
});

test('every context key of ours is set by code, and what foreign ones are compared with is what the code says', () => {
  const sources = ['editors', 'comments', 'door', 'room']
    .map((name) => read(`extension/changes/${name}.ts`))
    .join('\n');
  const own = KEYS.filter((key) => key.startsWith('codexTasks.changes.'));
  assert.ok(own.length > 4);
  for (const key of own) {
    assert.ok(
      sources.includes(`setContextKey('${key}'`) || sources.includes(`setContextKey(\n      '${key}'`),
      key,
    );
    assert.ok(
      clauses(manifest.contributes).some((clause) => clause.includes(key)),
      `${key} is used`,
    );
  }
  for (const [value, [file, line]] of Object.entries(VALUES)) {
    assert.ok(read(file).includes(line), value);
    assert.ok(text.includes(value), value);
  }
});

test('every entry of a menu and every key names a command that is there, and only in menus that are public', () => {
  const menus = manifest.contributes['menus'] as Record<string, { command: string }[]>;
  const PUBLIC = [
    ...[
      'commandPalette',
      'view/title',
      'view/item/context',
      'scm/change/title',
      'editor/title',
      'editor/context',
    ],
    ...['editor/lineNumber/context', 'comments/commentThread/context', 'comments/commentThread/title'],
    'comments/comment/title',
  ];
  assert.deepEqual(
    Object.keys(menus).filter((menu) => !PUBLIC.includes(menu)),
    [],
  );
  const keys = manifest.contributes['keybindings'] as { command: string }[];
  for (const { command } of [...Object.values(menus).flat(), ...keys])
    assert.ok(COMMANDS.includes(command), command);
  assert.equal('enabledApiProposals' in manifest, false);
});

test('every command has a title and our category', () => {
  const nls = JSON.parse(read('package.nls.json')) as Record<string, string>;
  const commands = manifest.contributes.commands as { command: string; title: string; category: string }[];
  for (const { command, title, category } of commands) {
    assert.match(nls[title.slice(1, -1)] ?? '', /\w/, command);
    assert.equal(category, '%category%', command);
  }
});

test('every command of the review has its handler in the room', () => {
  const room = read('extension/changes/room.ts');
  assert.ok(CHANGES_COMMANDS.length > 15);
  for (const command of CHANGES_COMMANDS)
    assert.match(room, new RegExp(`^ {6}${command.slice('codexTasks.'.length)}: `, 'm'), command);
});

test('where forges are connected there is where comments start tasks, too', () => {
  const menus = manifest.contributes['menus'] as Record<string, { command: string; when?: string }[]>;
  const whenOf = (name: string) =>
    menus['view/title']?.find(({ command }) => command === `codexTasks.${name}`)?.when;
  assert.equal(whenOf('answerComments'), 'view == codexTasks.tasks');
  assert.equal(whenOf('answerComments'), whenOf('connectForge'));
  const hidden = menus['commandPalette']?.some(({ command }) => command === 'codexTasks.answerComments');
  assert.equal(hidden, false, 'the palette has it always');
});

test('a chord of ours is used once for each state of the editor', () => {
  const keys = manifest.contributes['keybindings'] as { command: string; key: string; when: string }[];
  const places = keys.map(({ key, when }) => `${key} ${when}`);
  assert.equal(new Set(places).size, places.length);
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

test('a result can be applied elsewhere from its task and its review, and checkpoints are listed from both lists', () => {
  const menus = manifest.contributes['menus'] as Record<string, { command: string; when?: string }[]>;
  const whens = (menu: string, command: string) =>
    (menus[menu] ?? []).flatMap((one) => (one.command === `codexTasks.${command}` ? [one.when ?? ''] : []));
  assert.deepEqual(whens('view/item/context', 'applyTo'), [
    'view == codexTasks.tasks && viewItem =~ /\\bresult\\b/',
    'view == codexTasks.changes && viewItem =~ /\\bchangesResult\\b/',
  ]);
  assert.deepEqual(whens('view/title', 'checkpoints').sort(), [
    'view == codexTasks.changes',
    'view == codexTasks.tasks',
  ]);
  for (const command of ['applyTo', 'checkpoints']) {
    assert.deepEqual(whens('commandPalette', command), [], 'the palette has it always');
    const declared = manifest.contributes.commands.find((one) => one.command === `codexTasks.${command}`);
    assert.equal((declared as { enablement?: string }).enablement, 'isWorkspaceTrusted');
  }
});

test('menus name the words that rows carry', () => {
  const words = [...text.matchAll(/viewItem =~ \/\\+b(\w+)\\+b/g)].map(([, word]) => word ?? '');
  const describe = read('extension/tasks/describe.ts') + read('extension/changes/describe.ts');
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
      'apply/elsewhere.ts',
      'apply/tell.ts',
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
    ...['button', 'card', 'form', 'problem'].map((name) => `task/pull-request/${name}`),
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
    ...[
      ...(read('extension/tasks/describe.ts') + read('extension/changes/describe.ts')).matchAll(
        /\bid: '([a-z-]+)/g,
      ),
    ].map(([, name]) => name ?? ''),
  ];
  assert.ok(names.length > 20);
  for (const name of names) assert.match(css, new RegExp(`\\.codicon-${name}:before`), name);
});
