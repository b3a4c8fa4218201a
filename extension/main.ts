/** Entry of the extension host. Everything is built by `app.ts`; nothing runs before it is asked for. */
import type * as vscode from 'vscode';
import { start } from './app.ts';

export function activate(context: vscode.ExtensionContext): void {
  context.subscriptions.push(start(context));
}
