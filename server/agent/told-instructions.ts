/** Which instructions to agents the model has been told in this conversation, and which come next. */
import type { NewEvent } from '../../protocol/events.ts';
import type { ResponseItem } from '../model/model.ts';
import type { AgentInput } from './agent.ts';
import {
  agentsMessage,
  deeperThan,
  foldersTo,
  isAgentsMessage,
  NO_AGENTS_FILES,
  readAgentsFiles,
  type AgentsFiles,
  type Cut,
} from './agents-files.ts';
import { readTouched, touchedFiles } from './deeper-files.ts';
import { lastUserText, startOfTurn } from './history.ts';
import { isTemplateMessage, templateMessage } from './pull-request-template.ts';
import type { Store } from './context-window.ts';

export class Instructions {
  readonly #input: AgentInput;
  readonly #files: AgentsFiles;
  readonly #items: readonly ResponseItem[];
  readonly #store: Store;
  #deeper: Promise<string[]> | undefined;
  /** Calls before this were looked at. */
  #lookedAt: number;

  constructor(input: AgentInput, items: readonly ResponseItem[], store: Store) {
    this.#input = input;
    this.#files = input.agentsFiles ?? NO_AGENTS_FILES;
    this.#items = items;
    this.#store = store;
    this.#lookedAt = startOfTurn(items);
  }

  /** What holds from the root to the working folder, and for pull requests, unless the history has the very same. */
  async forTurn(): Promise<{ items: ResponseItem[]; events: NewEvent[] }> {
    const [agents, template] = [await this.#agentsFiles(), this.#template()];
    return {
      items: [...agents.items, ...template.items],
      events: [...agents.events, ...template.events],
    };
  }

  #template(): { items: ResponseItem[]; events: NewEvent[] } {
    const { template } = this.#input;
    if (!template) return { items: [], events: [] };
    const content = this.#redacted(templateMessage(template));
    if (content === lastUserText(this.#items, isTemplateMessage)) return { items: [], events: [] };
    const { path, cut } = template;
    const warned: NewEvent[] = cut
      ? [{ code: 'warning', params: { code: 'templateCut', params: { path, ...cut } } }]
      : [];
    return { items: [{ type: 'message', role: 'user', content }], events: warned };
  }

  async #agentsFiles(): Promise<{ items: ResponseItem[]; events: NewEvent[] }> {
    const { sandbox, limits } = this.#input;
    const read = await readAgentsFiles(sandbox, this.#files, limits.agentsFileBytes);
    this.#deeper = Promise.resolve(read.deeper);
    this.#lookedAt = this.#items.length;
    const message = agentsMessage(sandbox.workdir, read);
    if (message === null) return { items: [], events: [] };
    const content = this.#redacted(message);
    if (content === lastUserText(this.#items, isAgentsMessage)) return { items: [], events: [] };
    return {
      items: [{ type: 'message', role: 'user', content }],
      events: read.parts.flatMap(({ cut }) => (cut ? [this.#warning(cut)] : [])),
    };
  }

  /** Before a request: what holds in the folders that commands have touched meanwhile. */
  async forTouched(): Promise<void> {
    const since = this.#lookedAt;
    this.#lookedAt = this.#items.length;
    if (since === this.#lookedAt) return;
    const { sandbox, limits } = this.#input;
    this.#deeper ??= this.#listDeeper();
    for (const path of touchedFiles(await this.#deeper, this.#items, since, sandbox.workdir)) {
      const read = await readTouched(sandbox, path, limits.agentsFileBytes, (text) => this.#redacted(text));
      if (read) await this.#store([read.item], read.cut ? [this.#warning(read.cut)] : []);
    }
  }

  async #listDeeper(): Promise<string[]> {
    const { folder, fallbacks } = this.#files;
    return deeperThan(await this.#files.inRepository(), foldersTo(folder), fallbacks);
  }

  #redacted(text: string): string {
    return this.#input.redactor?.text(text) ?? text;
  }

  #warning({ path, keptBytes }: Cut): NewEvent {
    const maxBytes = this.#input.limits.agentsFileBytes;
    return { code: 'warning', params: { code: 'agentsFileCut', params: { path, keptBytes, maxBytes } } };
  }
}
