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
