/** Entry of the extension host. Everything is built by `app.ts`; nothing runs before it is asked for. */
import type * as vscode from 'vscode';
import * as git from '../client/git/git.ts';
import * as errors from '../protocol/errors.ts';
import { start } from './app.ts';
import * as contextKeys from './platform/contextKeys.ts';
import * as words from './platform/words.ts';

/** For the bundle that is loaded later: what must be there once. The name is the module's (`esbuild.config.mjs`). */
export const shared = { contextKeys, errors, git, words };

export function activate(context: vscode.ExtensionContext): void {
  context.subscriptions.push(start(context));
}
