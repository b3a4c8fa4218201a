/**
 * What a server does not want to hear, learnt from the parameter that its refusal names, and not said
 * again: models without reasoning refuse its parameters, summaries need an organisation that is
 * verified, an effort that one model takes is unknown to the next.
 */
import type { Effort } from '../../protocol/states.ts';
import type { ResponseItem } from './model.ts';
import type { Failure } from './retries.ts';

export class Unwanted {
  summary = false;
  encrypted = false;
  /** Of Chat Completions: the usage at the stream's end. */
  streamOptions = false;
  /** Of Chat Completions: the system's word after the conversation has begun. */
  lateSystem = false;
  readonly #efforts = new Set<Effort>();

  effort(wanted: Effort | undefined): Effort | undefined {
    return wanted !== undefined && this.#efforts.has(wanted) ? undefined : wanted;
  }

  /** Whether the same request is worth another try with less in it. */
  learn(failure: Failure, wanted: Effort | undefined): 'nothing' | 'less' | 'lessEffort' {
    const { kind, param } = failure;
    if (kind !== 'badRequest' || param === undefined) return 'nothing';
    const effort = this.effort(wanted);
    if (effort !== undefined && (/^reasoning(\.effort)?$/.test(param) || param === 'reasoning_effort')) {
      this.#efforts.add(effort);
      if (param === 'reasoning') this.summary = true;
      return 'lessEffort';
    }
    if (!this.summary && param.startsWith('reasoning')) {
      this.summary = true;
      return 'less';
    }
    if (!this.encrypted && param.startsWith('include')) {
      this.summary = true;
      this.encrypted = true;
      return 'less';
    }
    if (!this.streamOptions && param.startsWith('stream_options')) {
      this.streamOptions = true;
      return 'less';
    }
    return 'nothing';
  }

  /**
   * Templates of chats that refuse a late system message name no parameter: where there is one, a
   * refusal is worth a try without, once.
   */
  learnLateSystem(failure: Failure, input: readonly ResponseItem[]): boolean {
    const status = failure.params['status'];
    if (this.lateSystem || (status !== 400 && status !== 422 && status !== 500)) return false;
    const begun = input.findIndex((item) => 'role' in item && item.role === 'user');
    const isLate = input.some(
      (item, at) => at > begun && 'role' in item && (item.role === 'developer' || item.role === 'system'),
    );
    this.lateSystem = isLate;
    return isLate;
  }
}
