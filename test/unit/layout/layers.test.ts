import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ROOT, SHIPPED, sourceFiles } from './imports.ts';

/** Which rooms a room may import from, beside itself. What is not named here may not. */
const ROOMS: Record<(typeof SHIPPED)[number], string[]> = {
  protocol: [],
  client: ['protocol'],
  runner: ['protocol'],
  cli: ['protocol', 'client', 'server'],
  server: ['protocol'],
  extension: ['protocol', 'client'],
  // Of the client only what runs in a browser: its connection, and the words for codes.
  webview: ['protocol', 'client/connection', 'client/words'],
};

/** The same inside `server/`. Files directly in `server/` put the rooms together and may use all. */
const SERVER_ROOMS: Record<string, string[]> = {
  // Of the store only its handle, to pass it on to tasks/.
  gateway: ['tasks', 'repos', 'environments', 'secrets', 'store/store.ts'],
  environments: ['store', 'egress/policy'],
  tasks: ['store', 'secrets/types.ts'],
  store: [],
  pipeline: ['sandbox', 'agent', 'model', 'repos', 'egress', 'environments', 'secrets', 'tasks'],
  agent: ['model', 'sandbox/sandbox.ts', 'secrets/types.ts'],
  model: [],
  sandbox: [],
  egress: [],
  repos: [],
  terminals: ['store', 'tasks', 'sandbox', 'environments'],
  forge: ['repos', 'secrets', 'store'],
  'pull-requests': ['forge', 'repos', 'store', 'tasks'],
  secrets: ['store'],
};

/** Packages that only one place may know. */
const ONLY_IN: Record<string, RegExp> = {
  dockerode: /^server\/sandbox\/docker\//,
  'simple-git': /^(client|server\/repos)\//,
  '@vscode/webview-ui-toolkit': /^webview\/ui\//,
  vscode: /^extension\//,
  openai: /^server\/(model|agent)\//,
};

/** What `server/` has at its top for every room in it. */
const SERVER_SHARED = /^server\/[^/]+\.ts$/;

const files = sourceFiles(SHIPPED);

test('the layout tests see the source', () => {
  assert.ok(files.length > 50, `only ${files.length} files`);
  assert.ok(files.some((file) => file.ours.length > 3));
});

test('a relative import names a file that is there', () => {
  const broken = files.flatMap((file) =>
    file.ours.filter((path) => !existsSync(join(ROOT, path))).map((path) => `${file.path} → ${path}`),
  );
  assert.deepEqual(broken, []);
});

test('rooms import only the rooms below them', () => {
  const wrong = files.flatMap((file) => {
    const room = file.path.split('/')[0] as (typeof SHIPPED)[number];
    return file.ours
      .filter((path) => path !== 'package.json')
      .filter((path) => ![room, ...ROOMS[room]].some((allowed) => path.startsWith(`${allowed}/`)))
      .map((path) => `${file.path} → ${path}`);
  });
  assert.deepEqual(wrong, []);
});

test("the backend's rooms import only the rooms below them", () => {
  const wrong = files.flatMap((file) => {
    const [top, room] = file.path.split('/');
    if (top !== 'server' || room === undefined || SERVER_SHARED.test(file.path)) return [];
    const allowed = SERVER_ROOMS[room];
    assert.ok(allowed, `server/${room} is not in the table`);
    return file.ours
      .filter((path) => path.startsWith('server/') && !SERVER_SHARED.test(path))
      .filter((path) => ![room, ...allowed].some((name) => `${path}/`.startsWith(`server/${name}/`)))
      .map((path) => `${file.path} → ${path}`);
  });
  assert.deepEqual(wrong, []);
});

test('a package that belongs to one place is imported there only', () => {
  const wrong = files.flatMap((file) =>
    file.packages
      .filter((name) => {
        const owner = Object.entries(ONLY_IN).find(
          ([owned]) => name === owned || name.startsWith(`${owned}/`),
        );
        return owner !== undefined && !owner[1].test(file.path);
      })
      .map((name) => `${file.path} → ${name}`),
  );
  assert.deepEqual(wrong, []);
});

test('no file imports itself by way of others', () => {
  const importsOf = new Map(files.map((file) => [file.path, file.ours]));
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      cycles.push([...trail.slice(at), path].join(' → '));
      return;
    }
    if (finished.has(path)) return;
    for (const next of importsOf.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const path of importsOf.keys()) visit(path, []);
  assert.deepEqual(cycles, []);
});
