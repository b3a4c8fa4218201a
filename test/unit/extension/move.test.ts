/** Where the backend is, changed by a person while something of theirs waits for it. */
import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { before, test } from 'node:test';
import type { Backend, BackendOptions } from '../../../extension/connection/backend.ts';

const ADDRESS = 'http://127.0.0.1:1';
/** As much of VS Code as the connection touches. */
const VSCODE = `
  export class EventEmitter {
    event = () => ({ dispose() {} });
    fire() {}
    dispose() {}
  }
  const values = {};
  const listeners = new Set();
  export const workspace = {
    isTrusted: true,
    getConfiguration: () => ({
      get: (name) => values[name],
      update: async (name, value) => {
        values[name] = value;
        for (const listener of listeners) listener({ affectsConfiguration: (one) => one.endsWith(name) });
      },
    }),
    onDidChangeConfiguration: (listener) => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
  };
  export const ConfigurationTarget = { Global: 1 };
  export const commands = { executeCommand: async () => undefined };
  export const l10n = { t: (text) => text };
  export const window = { showInformationMessage: async () => { throw new Error('A question nobody meant.'); } };
`;
registerHooks({
  resolve: (name, context, next) =>
    name === 'vscode'
      ? { url: `data:text/javascript,${encodeURIComponent(VSCODE)}`, shortCircuit: true }
      : next(name, context),
});

let open: () => Backend;
let setServerUrl: (url: string) => Promise<void>;
before(async () => {
  const { Backend } = await import('../../../extension/connection/backend.ts');
  ({ setServerUrl } = await import('../../../extension/platform/settings.ts'));
  const options = {
    own: { forgetStarts: () => undefined, find: async () => null },
    secrets: { token: async () => 'token', onDidChangeToken: () => ({ dispose: () => undefined }) },
    log: { info: () => undefined, warn: () => undefined, debug: () => undefined },
    version: '0.0.0',
    consent: { get: () => undefined, update: async () => undefined },
  };
  open = () => new Backend(options as unknown as BackendOptions);
});

test('what is asked while the address is being written waits for the new one', async (context) => {
  const backend = open();
  context.after(() => backend.dispose());
  const written = Promise.withResolvers<void>();
  const moving = backend.move(async () => {
    await written.promise;
    await setServerUrl(ADDRESS);
  });
  // Without waiting this would ask whether to start a backend here.
  const asked = backend.ready().then(
    () => 'connected',
    (thrown: unknown) => String(thrown),
  );
  written.resolve();
  await moving;
  const opened = backend.connection;
  assert.ok(opened, 'the new place is tried');
  await backend.move(async () => undefined);
  assert.notEqual(backend.connection, opened, 'a new token alone connects anew');
  assert.doesNotMatch(await asked, /nobody meant/);
});

test('the connection that a changed address opened is left alone', async (context) => {
  const backend = open();
  context.after(() => backend.dispose());
  let opened = null;
  await backend.move(async () => {
    await setServerUrl(`${ADDRESS}2`);
    opened = backend.connection;
  });
  assert.ok(opened);
  assert.equal(backend.connection, opened);
});

test('a change that fails keeps nobody waiting', async (context) => {
  const backend = open();
  context.after(() => backend.dispose());
  await setServerUrl(ADDRESS);
  await assert.rejects(
    backend.move(async () => {
      throw new Error('No room.');
    }),
    /No room/,
  );
  const asked = backend.ready().catch(() => 'left');
  assert.ok(await eventuallyOpen(backend));
  backend.close();
  assert.equal(await asked, 'left');
});

async function eventuallyOpen(backend: Backend): Promise<boolean> {
  for (let turn = 0; turn < 100 && !backend.connection; turn++) await new Promise(setImmediate);
  return backend.connection !== null;
}
