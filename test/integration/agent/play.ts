/** One turn of the agent against the scripted model over real HTTP, with everything recorded. */
import type { AgentInput, AgentOutcome, History } from '../../../server/agent/agent.ts';
import { runAgent } from '../../../server/agent/loop.ts';
import { createModelClient, type ClientOptions } from '../../../server/model/client.ts';
import type { ModelClient, ResponseItem, ShellVariant } from '../../../server/model/model.ts';
import { startScriptedModel, type ScriptedModel } from '../../../server/model/scripted/server.ts';
import type { EventCode, EventParams, NewEvent } from '../../../protocol/events.ts';
import { checkNewEvent } from '../../../protocol/events.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { BashSandbox } from './bash-sandbox.ts';

export class MemoryHistory implements History {
  items: ResponseItem[] = [];
  /** Runs before every append: a test's chance to look, or to crash. */
  onAppend: (items: ResponseItem[]) => void | Promise<void> = () => {};

  async load(): Promise<ResponseItem[]> {
    return structuredClone(this.items);
  }

  /** Where the events of an append go; set by the stage. */
  tell: (events: readonly NewEvent[]) => void = () => {};

  async append(items: ResponseItem[], events: readonly NewEvent[] = []): Promise<void> {
    if (items.length > 0) await this.onAppend(items);
    this.items.push(...structuredClone(items));
    this.tell(events);
  }
}

export interface Stage {
  server: ScriptedModel;
  sandbox: BashSandbox;
  history: MemoryHistory;
  events: NewEvent[];
  deltas: { itemId: string; text: string }[];
  model: ModelClient;
  run(overrides?: Partial<AgentInput>): Promise<AgentOutcome>;
  of<C extends EventCode>(code: C): EventParams<C>[];
  close(): Promise<void>;
}

export async function stage(
  script: string,
  options: {
    modelName?: string;
    files?: Record<string, string>;
    client?: ClientOptions;
    shell?: ShellVariant;
  } = {},
): Promise<Stage> {
  const server = await startScriptedModel({ script });
  const sandbox = await BashSandbox.make(options.files);
  const history = new MemoryHistory();
  const events: NewEvent[] = [];
  const deltas: Stage['deltas'] = [];
  const tell = (more: readonly NewEvent[]) => {
    more.forEach(checkNewEvent);
    events.push(...more);
  };
  history.tell = tell;
  const model = createModelClient(
    {
      name: options.modelName ?? 'scripted',
      apiKey: 'test-key',
      baseUrl: server.url,
      ...(options.shell ? { shell: options.shell } : {}),
    },
    { sleep: async () => {}, ...options.client },
  );
  return {
    server,
    sandbox,
    history,
    events,
    deltas,
    model,
    run: (overrides = {}) =>
      runAgent({
        mode: 'code',
        prompt: 'do it',
        turn: 1,
        cacheKey: 'task-1',
        model,
        sandbox,
        env: () => ({}),
        internet: 'off',
        history,
        emit: async (...more) => tell(more),
        delta: (itemId, text) => deltas.push({ itemId, text }),
        limits: resolveLimits(),
        signal: new AbortController().signal,
        ...overrides,
      }),
    of: (code) => events.flatMap((event) => (event.code === code ? [event.params as never] : [])),
    close: async () => {
      await server.close();
      await sandbox.remove();
    },
  };
}
