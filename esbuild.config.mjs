/**
 * All bundles, into `dist/`:
 *   cli/codex-tasks.mjs     command line and backend; each command loads its own parts beside it, and PGlite's files
 *   runner/*.cjs            what runs inside a sandbox
 *   extension.cjs           the extension host's part
 *   simple-git.cjs          what it loads with its first question to git
 *   changes.cjs             what it loads with the first result that is reviewed or applied
 *   pull-requests.cjs       what it loads with the first pull request, or forge that is connected
 *   webview/*.js, *.css     the pages
 *   test/in-host.cjs        the suite that runs inside an extension host
 *   images/                 build contexts of the container images
 * `node esbuild.config.mjs [cli|runner|extension|webview|in-host …]` builds only those; `--watch` keeps on.
 */
import { cp, mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { build, context } from 'esbuild';
import { prompts } from './scripts/prompts-plugin.mjs';

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');

const common = {
  bundle: true,
  sourcemap: production ? false : 'linked',
  sourcesContent: false,
  minify: production,
  // Our sentences have “quotes” and …: written out they are half as long as escaped.
  charset: 'utf8',
  legalComments: 'linked',
  logLevel: 'warning',
};

/** CommonJS dependencies inside an ES module bundle still ask for what only CommonJS has. */
const requireBanner = {
  js: [
    "import { createRequire as __createRequire } from 'node:module';",
    'const require = __createRequire(import.meta.url);',
    'const __dirname = import.meta.dirname, __filename = import.meta.filename;',
  ].join(' '),
};

/** What an extension that does nothing yet may cost: loading is most of its activation. */
const EXTENSION_MAX_BYTES = 400_000;
const OLD_PARTS_MS = 24 * 3_600_000;

/**
 * What the extension and its pages never use of their libraries stays out of their bundles: zod's sentences (nobody
 * sees them), its JSON schemas and what `import { z }` drags in; the server and the compression of
 * `ws`; the debug output of simple-git; what vscode-jsonrpc has beside its connection.
 */
const small = {
  name: 'small',
  setup(building) {
    building.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: '' }));
    building.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]en\.js$/ }, () => ({
      contents: "export default () => ({ localeError: () => 'Invalid input' });",
    }));
    building.onLoad({ filter: /node_modules[\\/]debug[\\/]src[\\/](index|browser|node)\.js$/ }, () => ({
      contents: `const quiet = () => {};
        quiet.extend = () => quiet;
        module.exports = Object.assign(() => quiet, { formatters: {}, enabled: () => false });`,
    }));
    // Both ends are told not to compress; only its name and class are asked for.
    building.onLoad({ filter: /node_modules[\\/]ws[\\/]lib[\\/]permessage-deflate\.js$/ }, () => ({
      contents: "module.exports = class { static extensionName = 'permessage-deflate'; };",
    }));
    building.onLoad(
      { filter: /zod[\\/]v4[\\/]core[\\/](json-schema-processors|to-json-schema)\.js$/ },
      async ({ path }) => {
        const names = [...(await readFile(path, 'utf8')).matchAll(/^export (?:const|function) (\w+)/gm)];
        return { contents: names.map(([, name]) => `export const ${name} = () => undefined;`).join('\n') };
      },
    );
    // All but the peer's parts are for sockets of Node and for typed message classes.
    building.onLoad({ filter: /vscode-jsonrpc[\\/]lib[\\/]common[\\/]api\.js$/ }, () => ({
      contents: `export { default as RAL } from './ral';
        export { ResponseError } from './messages';
        export { CancellationTokenSource } from './cancellation';
        export { AbstractMessageReader } from './messageReader';
        export { AbstractMessageWriter } from './messageWriter';
        export { ConnectionError, ConnectionErrors, createMessageConnection } from './connection';`,
    }));
    building.onLoad({ filter: /[\\/](protocol|client|extension)[\\/].*\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace("import { z } from 'zod'", "import * as z from 'zod'"),
      loader: 'ts',
    }));
    building.onLoad({ filter: /node_modules[\\/]ws[\\/]wrapper\.mjs$/ }, () => ({
      contents: "import WebSocket from './lib/websocket.js'; export { WebSocket }; export default WebSocket;",
    }));
  },
};

/** Beside the bundle, and loaded when it is first asked for. */
const later = {
  name: 'later',
  setup(building) {
    building.onResolve({ filter: /^simple-git$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './simple-git.cjs', external: true } : undefined,
    );
    building.onResolve({ filter: /^\.\/rooms\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './changes.cjs', external: true } : undefined,
    );
    building.onResolve({ filter: /^\.\/room\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './pull-requests.cjs', external: true } : undefined,
    );
  },
};

/** What a later part must have in common with the bundle that loads it: classes that are told apart, state. */
const SHARED = [
  'protocol/errors.ts',
  'client/git/git.ts',
  'extension/platform/words.ts',
  'extension/platform/contextKeys.ts',
];
const shared = {
  name: 'shared',
  setup(building) {
    building.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir }) => {
      const found = relative(process.cwd(), join(resolveDir, path)).replaceAll('\\', '/');
      return SHARED.includes(found) ? { path: found, namespace: 'shared' } : undefined;
    });
    building.onLoad({ filter: /./, namespace: 'shared' }, ({ path }) => ({
      contents: `module.exports = require('./extension.cjs').shared[${JSON.stringify(basename(path, '.ts'))}];`,
    }));
    building.onResolve({ filter: /^\.\/extension\.cjs$/ }, ({ path }) => ({ path, external: true }));
  },
};

/**
 * Of mermaid's library: the layout “elk” (1.5 MB) and mathematics (0.3 MB), which diagrams hardly ask for.
 * One that does is shown as it was written.
 */
const fewerDiagrams = {
  name: 'fewer-diagrams',
  setup(building) {
    const filter = /^(elkjs(\/.*)?|katex)$/;
    building.onResolve({ filter }, ({ path }) => ({ path, namespace: 'left-out' }));
    building.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
      contents: 'export default undefined;',
    }));
  },
};

const inExtensionHost = {
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  platform: 'node',
  format: 'cjs',
  target: 'node22',
  external: ['vscode'],
  // Extension hosts complain about whoever looks for a browser by it, as zod does.
  define: { navigator: 'undefined' },
  supported: { 'dynamic-import': false },
  mainFields: ['module', 'main'],
};

const targets = {
  runner: {
    entryPoints: {
      runner: 'runner/main.ts',
      apply_patch: 'runner/apply-patch/main.ts',
      update_plan: 'runner/update-plan/main.ts',
      view_image: 'runner/view-image/main.ts',
    },
    outdir: 'dist/runner',
    outExtension: { '.js': '.cjs' },
    platform: 'node',
    format: 'cjs',
    target: 'node20',
  },
  cli: {
    entryPoints: { 'codex-tasks': 'cli/main.ts' },
    outdir: 'dist/cli',
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    format: 'esm',
    // A command that only talks to a backend starts without the backend's six megabytes.
    splitting: true,
    chunkNames: 'part-[name]-[hash]',
    target: 'node22',
    banner: requireBanner,
    // Optional accelerators of ssh2, which dockerode only needs for ssh:// engines.
    external: ['cpu-features', '*.node', 'pg-native'],
    plugins: [prompts],
  },
  extension: {
    entryPoints: { extension: 'extension/main.ts', 'simple-git': 'simple-git' },
    ...inExtensionHost,
    plugins: [small, later],
  },
  changes: {
    entryPoints: { changes: 'extension/changes/rooms.ts' },
    ...inExtensionHost,
    plugins: [shared, small, later],
  },
  'pull-requests': {
    entryPoints: { 'pull-requests': 'extension/pull-requests/room.ts' },
    ...inExtensionHost,
    plugins: [shared, small, later],
  },
  // The suite that runs inside an extension host.
  'in-host': {
    entryPoints: { 'in-host': 'test/in-host/index.ts' },
    outdir: 'dist/test',
    outExtension: { '.js': '.cjs' },
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    external: ['vscode', 'mocha'],
    plugins: [small],
    mainFields: ['module', 'main'],
  },
  webview: {
    entryPoints: {
      composer: 'webview/composer/main.tsx',
      task: 'webview/task/main.tsx',
      environment: 'webview/environment/main.tsx',
      // Loaded by a page that has a diagram to show.
      diagrams: 'webview/diagrams/main.ts',
    },
    outdir: 'dist/webview',
    plugins: [small, fewerDiagrams],
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.ttf': 'file' },
    assetNames: '[name]',
  },
};

async function copyAssets() {
  await rm('dist/images', { recursive: true, force: true });
  await cp('images', 'dist/images', { recursive: true });
  const pglite = 'node_modules/@electric-sql/pglite/dist';
  await mkdir('dist/cli', { recursive: true });
  for (const file of ['pglite.wasm', 'pglite.data', 'initdb.wasm']) {
    if (existsSync(`${pglite}/${file}`)) await cp(`${pglite}/${file}`, `dist/cli/${file}`);
  }
}

/** Parts that no build names any more; a backend that still runs may yet load those of its own. */
async function removeOldParts() {
  for (const name of await readdir('dist/cli')) {
    const path = `dist/cli/${name}`;
    if (name.startsWith('part-') && Date.now() - (await stat(path)).mtimeMs > OLD_PARTS_MS) await rm(path);
  }
}

const names = wanted.length > 0 ? wanted : Object.keys(targets);
// One is of no use without the others.
const parts = ['changes', 'pull-requests'].filter((name) => !names.includes(name));
if (names.includes('extension')) names.push(...parts);
await copyAssets();
await removeOldParts();
for (const name of names) {
  const options = { ...common, ...targets[name] };
  if (!options.entryPoints) throw new Error(`There is no bundle named ${name}.`);
  if (watch) await (await context(options)).watch();
  else await build(options);
}
if (production && names.includes('extension')) {
  const { size } = await stat('dist/extension.cjs');
  if (size > EXTENSION_MAX_BYTES) {
    throw new Error(`dist/extension.cjs has ${size} bytes, more than ${EXTENSION_MAX_BYTES}.`);
  }
}
