/** The extension's words: English templates, translated by VS Code's l10n bundles. */
import * as vscode from 'vscode';
import { errorWords, type Params } from '../../client/words/index.ts';
import { CodexError, errorText, toWireError } from '../../protocol/errors.ts';

export function t(template: string, params: Params = {}): string {
  return vscode.l10n.t(template, params);
}

/** What was thrown, as a sentence for a person. Our own errors have theirs by code. */
export function sentenceOf(thrown: unknown): string {
  if (thrown instanceof CodexError) return errorWords(thrown.wire, t).text;
  if (thrown instanceof Error && thrown.name === 'SentenceError') return thrown.message;
  return errorWords(toWireError(thrown), t).text;
}

/** An error of the extension's own whose message is already a sentence in the person's language. */
export class SentenceError extends Error {
  readonly buttons: readonly Button[];

  constructor(sentence: string, buttons: readonly Button[] = []) {
    super(sentence);
    this.name = 'SentenceError';
    this.buttons = buttons;
  }
}

export interface Button {
  label: string;
  command: string;
  args?: readonly unknown[];
}

/** The person changed their mind: nothing is said. */
export class Dismissed extends Error {
  constructor() {
    super('dismissed');
    this.name = 'Dismissed';
  }
}

export { errorText };
