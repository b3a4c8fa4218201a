/** Who watches the list of tasks: each gets it whole after every (re)connect, and then what changes. */
import type { ResultOf } from '../../protocol/rpc.ts';
import type { TaskNews } from './types.ts';

type Watcher = (news: TaskNews) => void;

export class Watches {
  readonly #list: () => Promise<ResultOf<'task.list'>>;
  readonly #watchers = new Set<Watcher>();

  /** `list` asks on the present socket or not at all. */
  constructor(list: () => Promise<ResultOf<'task.list'>>) {
    this.#list = list;
  }

  add(watcher: Watcher, isConnected: boolean): () => void {
    this.#watchers.add(watcher);
    if (isConnected) this.#tellList([watcher]);
    return () => this.#watchers.delete(watcher);
  }

  connected(): void {
    if (this.#watchers.size > 0) this.#tellList([...this.#watchers]);
  }

  tell(news: TaskNews): void {
    tell([...this.#watchers], news);
  }

  close(): void {
    this.#watchers.clear();
  }

  #tellList(watchers: Watcher[]): void {
    this.#list().then(
      ({ tasks }) =>
        tell(
          watchers.filter((watcher) => this.#watchers.has(watcher)),
          { kind: 'list', tasks },
        ),
      // Lost meanwhile: the next connection lists again.
      () => undefined,
    );
  }
}

function tell(watchers: Watcher[], news: TaskNews): void {
  for (const watcher of watchers) watcher(news);
}
