/** What a model client says of waits and refusals, as warnings for the person. */
import type { NewEvent } from '../../protocol/events.ts';
import type { ModelHooks } from '../model/model.ts';

export function tellingHooks(tell: (event: NewEvent) => void): ModelHooks {
  const warn = (code: string, params: Record<string, string | number>) =>
    tell({ code: 'warning', params: { code, params } });
  return {
    onRetry: (retry) => warn('modelRetry', retry),
    onOffline: (wait) => warn('modelOffline', wait),
    onEffortRefused: (effort) => warn('modelEffortRefused', { effort }),
  };
}
