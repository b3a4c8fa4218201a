/** A task's model, and events put into it as they come. */
import type { EventCode, EventParams } from '../../../protocol/events.ts';
import type { PageEvent } from '../../../protocol/pages.ts';
import { applyEvent, newTaskModel } from '../../../webview/task/model.ts';

export function task() {
  const model = newTaskModel();
  let seq = 0;
  const put = <C extends EventCode>(
    code: C,
    params: EventParams<C>,
    more: { turn?: number; attempt?: number } = {},
  ) => {
    const event = {
      taskId: 'task0001',
      turn: 1,
      attempt: 1,
      at: 1000 + seq,
      v: 1,
      ...more,
      seq: ++seq,
      code,
      params,
    };
    applyEvent(model, event as unknown as PageEvent);
    return event as unknown as PageEvent;
  };
  const command = (id: string, more: object = {}) =>
    ({ type: 'command', id, command: `run ${id}`, cwd: '/w', ...more }) as const;
  return { model, put, command };
}
