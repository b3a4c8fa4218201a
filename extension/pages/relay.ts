/**
 * The holder's end of a page: checks each request by its schema, calls its handler, answers. What a
 * page of this kind may not ask for, it can't ask for. Never relayed: a secret, a stack, a detail.
 */
import type * as vscode from 'vscode';
import type { z } from 'zod';
import {
  PAGE_METHODS,
  PageMessage,
  type HostMessage,
  type PageHandlers,
  type PageMethod,
  type PagePush,
  type PagePushes,
} from '../../protocol/pages.ts';
import type { Log } from '../platform/log.ts';
import { Dismissed, errorText, sentenceOf, t } from '../platform/words.ts';

export interface Page {
  push<P extends PagePush>(name: P, data: PagePushes[P]): void;
  dispose(): void;
}

export interface PageOptions<M extends PageMethod> {
  webview: vscode.Webview;
  handlers: PageHandlers<M>;
  /** The page listens: send what is true now. Again after each reload of the page. */
  onReady: () => void;
  log: Log;
}

export function relayPage<M extends PageMethod>({ webview, handlers, onReady, log }: PageOptions<M>): Page {
  const post = (message: HostMessage) => void webview.postMessage(message);
  const listening = webview.onDidReceiveMessage(async (raw: unknown) => {
    const message = PageMessage.safeParse(raw);
    if (!message.success) {
      log.warn('A page sent a message that is none.');
      return;
    }
    if (message.data.kind === 'ready') {
      onReady();
      return;
    }
    const { id, method, params } = message.data;
    try {
      await call(handlers, method, params);
      post({ kind: 'response', id, ok: true });
    } catch (thrown) {
      if (!(thrown instanceof Dismissed)) log.warn(`${method}: ${errorText(thrown)}`);
      // Who changed their mind gets no error, but what they wrote stays.
      post({
        kind: 'response',
        id,
        ok: false,
        sentence: thrown instanceof Dismissed ? '' : sentenceOf(thrown),
      });
    }
  });
  return {
    push: (name, data) => {
      post({ kind: 'push', name, data } as HostMessage);
    },
    dispose: () => {
      listening.dispose();
    },
  };
}

async function call<M extends PageMethod>(
  handlers: PageHandlers<M>,
  method: string,
  raw: unknown,
): Promise<void> {
  if (!Object.hasOwn(handlers, method)) throw new Error(`A page has no method ${method}.`);
  const parsed = (PAGE_METHODS[method as M] as z.ZodType<unknown>).safeParse(raw);
  if (!parsed.success) throw new Error(t('The request could not be read.'));
  const handler = handlers[method as M] as unknown as (params: unknown) => Promise<void>;
  await handler(parsed.data);
}
