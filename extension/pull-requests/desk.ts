/**
 * One task's pull request while a person makes it: what would be asked for is read, shown as a form, published, and
 * what went wrong is told there with its next step. What was typed stays until it is published. No VS Code in here.
 */
import { hasQuestion, isUpdate } from '../../client/words/index.ts';
import { CodexError, type ErrorCode } from '../../protocol/errors.ts';
import type { PageParams, PullRequestDesk, PullRequestOffer } from '../../protocol/pages.ts';
import {
  CONNECTING_HELPS,
  type Author,
  type PullRequestPreview,
  type PullRequestView,
} from '../../protocol/pull-request.ts';

export type Written = PageParams<'task.publishPullRequest'>;
export type Asked = PageParams<'task.preparePullRequest'>;
type Form = NonNullable<PullRequestDesk['form']>;
type Problem = NonNullable<PullRequestDesk['problem']>;

/** One of the two ways: the backend, or the person's own git and session. */
export interface Way {
  preview: (asked: Asked, signal: AbortSignal) => Promise<PullRequestPreview>;
  create: (form: Form, written: Written, signal: AbortSignal) => Promise<PullRequestView>;
  /** Adds the newest result to the branch. */
  update: (form: Form, written: Written, signal: AbortSignal) => Promise<PullRequestView>;
}

export interface DeskOptions {
  ways: { backend: Way; own: Way };
  /** The person's own git could do it here. */
  mayOwn: () => Promise<boolean>;
  author: () => Promise<Author | null>;
  refresh: () => Promise<PullRequestView>;
  draftsFirst: () => boolean;
  /** Over a reload of the window. */
  kept: { get(): string; set(kept: string): void };
  sentence: (thrown: unknown) => string;
  show: (state: PullRequestDesk) => void;
  /** The newest of it, for every list. */
  changed: (view: PullRequestView) => void;
  isDismissal: (thrown: unknown) => boolean;
}

export class Desk {
  readonly #options: DeskOptions;
  #state: PullRequestDesk = { doing: 'nothing' };
  #asked: Asked = { own: false };
  #under: AbortController | null = null;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  get state(): PullRequestDesk {
    return this.#state;
  }

  /** Reads the preview anew. An update with nothing to decide is made at once, unless it is to be shown first. */
  async prepare(asked: Asked, show = false): Promise<void> {
    if (this.#state.doing !== 'nothing') return;
    this.#asked = asked;
    const { ways, kept, draftsFirst, author } = this.#options;
    const way = asked.own ? ways.own : ways.backend;
    const before = this.#state.form;
    this.#show({ doing: 'reading', ...(before ? { form: before } : {}) });
    await this.#work(async (signal) => {
      const [found, who] = await Promise.all([way.preview(asked, signal), author()]);
      const preview = { ...found, draft: found.draft || draftsFirst() };
      const form: Form = {
        preview,
        own: asked.own,
        localChanges: asked.localChanges ?? 'leaveOut',
        kept: kept.get(),
        asks: show || !isUpdate(preview) || hasQuestion(preview),
        ...(who ? { author: who } : {}),
      };
      this.#show({ doing: 'nothing', form });
      if (!form.asks) {
        const { title, body, branch, base, draft } = preview;
        await this.#publish(form, { title, body, branch, base, draft }, signal);
      }
    });
  }

  keep(kept: string): void {
    this.#options.kept.set(kept);
    const { form } = this.#state;
    // Not shown: the page has it.
    if (form) this.#state = { ...this.#state, form: { ...form, kept } };
  }

  async publish(written: Written): Promise<void> {
    const { form, doing } = this.#state;
    if (!form || doing !== 'nothing') return;
    await this.#work((signal) => this.#publish(form, written, signal));
  }

  /** What went wrong, once more: of a look only the look, since nothing was to be pushed. */
  async again(): Promise<void> {
    if (this.#state.problem?.at === 'card') await this.refresh();
    else await this.prepare(this.#asked);
  }

  async refresh(): Promise<void> {
    if (this.#state.doing !== 'nothing') return;
    this.#show({ ...this.#state, doing: 'refreshing' });
    await this.#work(async () => {
      this.#options.changed(await this.#options.refresh());
      const { form } = this.#state;
      this.#show({ doing: 'nothing', ...(form ? { form } : {}) });
    }, 'card');
  }

  /** The same, unasked: what fails is the card's to tell, with its next look. */
  async look(): Promise<void> {
    if (this.#state.doing !== 'nothing') return;
    this.#options.changed(await this.#options.refresh());
  }

  /** Stops waiting; where nothing is under way, the form is put away. */
  leave(): void {
    if (this.#under) {
      this.#under.abort();
      return;
    }
    this.#show({ doing: 'nothing' });
  }

  async #publish(form: Form, written: Written, signal: AbortSignal): Promise<void> {
    const { ways, kept, changed } = this.#options;
    const way = form.own ? ways.own : ways.backend;
    this.#show({ doing: 'publishing', form });
    const act = isUpdate(form.preview) ? way.update : way.create;
    const view = await act.call(way, form, written, signal);
    kept.set('');
    changed(view);
    this.#show({ doing: 'nothing' });
  }

  async #work(act: (signal: AbortSignal) => Promise<void>, at: 'form' | 'card' = 'form'): Promise<void> {
    const under = new AbortController();
    this.#under = under;
    try {
      await act(under.signal);
    } catch (thrown) {
      const { form } = this.#state;
      const rest = form ? { form: { ...form, kept: this.#options.kept.get() } } : {};
      const quiet = under.signal.aborted || this.#options.isDismissal(thrown);
      this.#show({
        ...rest,
        doing: 'nothing',
        ...(quiet ? {} : { problem: await this.#problem(thrown, at) }),
      });
    } finally {
      this.#under = null;
    }
  }

  async #problem(thrown: unknown, at: Problem['at']): Promise<Problem> {
    const output = thrown instanceof CodexError ? thrown.wire.params['output'] : undefined;
    const mayOwn = at === 'form' && !this.#isOwn && (await this.#options.mayOwn().catch(() => false));
    const offers = offersOf(thrown, mayOwn).filter((offer) => at === 'form' || offer === 'connect');
    return {
      at,
      sentence: this.#options.sentence(thrown),
      ...(typeof output === 'string' && output !== '' ? { output } : {}),
      offers,
    };
  }

  get #isOwn(): boolean {
    return this.#state.form?.own ?? this.#asked.own;
  }

  #show(state: PullRequestDesk): void {
    this.#state = state;
    this.#options.show(state);
  }
}

/** What is there now is to be seen first. */
const LOOKING: ReadonlySet<ErrorCode> = new Set([
  'forgeBranchGone',
  'forgeConflicts',
  'forgeNotConfirmed',
  'pullRequestExists',
  'pullRequestClosed',
]);

export function offersOf(thrown: unknown, mayOwn: boolean): PullRequestOffer[] {
  // What has a sentence of its own says there what to do.
  if (!(thrown instanceof CodexError)) return [];
  const { code, retryable } = thrown.wire;
  const own: PullRequestOffer[] = mayOwn ? ['own'] : [];
  // A forge that the backend may not use: it is connected, or done without.
  if (CONNECTING_HELPS.has(code)) return ['connect', ...own];
  // A backend that is older than pull requests.
  if (code === 'unknownMethod' || code === 'notBuilt') return own;
  return retryable || LOOKING.has(code) ? ['again'] : [];
}
