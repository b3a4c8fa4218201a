/** The backend's models, and which one the tasks of this workspace ask for. */
import * as vscode from 'vscode';
import type { ComposerState } from '../../protocol/pages.ts';
import { Effort } from '../../protocol/states.ts';
import type { Backend } from '../connection/backend.ts';
import type { Log } from '../platform/log.ts';
import { errorText } from '../platform/words.ts';

const MODEL = 'codexTasks.composer.model';
const EFFORT = 'codexTasks.composer.effort';

type Model = NonNullable<ComposerState['models']>[number];
type Chosen = Pick<ComposerState, 'model' | 'effort'>;

export interface ModelsOptions {
  backend: Backend;
  /** Of the workspace. */
  state: vscode.Memento;
  log: Log;
}

export class Models implements vscode.Disposable {
  readonly #options: ModelsOptions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #watching: vscode.Disposable;
  #known: Model[] = [];
  readonly onDidChange = this.#changed.event;

  constructor(options: ModelsOptions) {
    this.#options = options;
    this.#watching = options.backend.onDidChange(({ kind }) => {
      if (kind === 'connected') void this.#read();
    });
  }

  /** For a page: nothing when there is nothing to choose. */
  get offered(): Pick<ComposerState, 'models'> {
    const [only] = this.#known;
    if (!only || (this.#known.length === 1 && only.efforts.length === 0)) return {};
    return { models: this.#known };
  }

  /** What was chosen last, as far as the backend still has it. */
  get chosen(): Chosen {
    const { state } = this.#options;
    const name = state.get<unknown>(MODEL);
    const model = this.#known.find((one) => one.name === name);
    const effort = Effort.safeParse(state.get(EFFORT));
    const efforts = (model ?? this.#known[0])?.efforts ?? [];
    return {
      model: model?.name ?? '',
      effort: effort.success && efforts.includes(effort.data) ? effort.data : '',
    };
  }

  /** As a request names it: what was not chosen is not named. */
  get asked(): { model?: string; effort?: Effort } {
    const { model, effort } = this.chosen;
    return { ...(model === '' ? {} : { model }), ...(effort === '' ? {} : { effort }) };
  }

  async choose({ model, effort }: Partial<Chosen>): Promise<void> {
    if (model !== undefined) await this.#options.state.update(MODEL, model);
    if (effort !== undefined) await this.#options.state.update(EFFORT, effort);
    this.#changed.fire();
  }

  dispose(): void {
    this.#watching.dispose();
    this.#changed.dispose();
  }

  async #read(): Promise<void> {
    try {
      const { connection } = await this.#options.backend.ready();
      const { models } = await connection.call('model.list', {});
      this.#known = models.map(({ name, efforts = [] }) => ({ name, efforts }));
      this.#changed.fire();
    } catch (thrown) {
      // A backend that has no such list has one model, and nothing to choose.
      this.#options.log.debug(`Models: ${errorText(thrown)}`);
    }
  }
}
