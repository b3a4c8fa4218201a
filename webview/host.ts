/**
 * Whoever holds the page: VS Code, or a browser's window. Requests out, pushes in, both typed by
 * `protocol/pages.ts`; the page's own small state (drafts, what is unfolded) is kept by the holder.
 */
import type {
  HostMessage,
  PageBoot,
  PageMethod,
  PageParams,
  PagePush,
  PagePushes,
} from '../protocol/pages.ts';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

/** A request that is not answered within this fails: a button must not hang for ever. */
const REQUEST_TIMEOUT_MS = 10 * 60_000;

export interface PageHost {
  readonly boot: PageBoot;
  request<M extends PageMethod>(method: M, params: PageParams<M>): Promise<void>;
  onPush(listeners: { [P in PagePush]?: (data: PagePushes[P]) => void }): void;
  /** Say that the page listens: the holder sends what is true now. */
  ready(): void;
  load<T>(fallback: T): T;
  save(state: unknown): void;
}

/** Also where `crypto.randomUUID` is not: on a page that came over plain http. */
export function newRequestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The holder is VS Code. A browser's holder puts an object with the same shape in its place. */
export function connectHost(): PageHost {
  const api = acquireVsCodeApi();
  const boot = JSON.parse(document.body.dataset['boot'] ?? '{}') as PageBoot;
  const waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  let nextId = 1;
  let listeners: Partial<Record<PagePush, (data: never) => void>> = {};

  window.addEventListener('message', (event: MessageEvent<HostMessage>) => {
    const message = event.data;
    switch (message.kind) {
      case 'response': {
        const call = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.ok) call?.resolve();
        else call?.reject(new Error(message.sentence));
        return;
      }
      case 'push':
        listeners[message.name]?.(message.data as never);
        return;
    }
  });

  return {
    boot,
    request: (method, params) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(new Error(boot.words['noAnswer'] ?? ''));
        }, REQUEST_TIMEOUT_MS);
        waiting.set(id, {
          resolve: () => (clearTimeout(timer), resolve()),
          reject: (error) => (clearTimeout(timer), reject(error)),
        });
        api.postMessage({ kind: 'request', id, method, params });
      }),
    onPush: (some) => (listeners = some as typeof listeners),
    ready: () => api.postMessage({ kind: 'ready' }),
    load: (fallback) => (api.getState() as typeof fallback | undefined) ?? fallback,
    save: (state) => api.setState(state),
  };
}
