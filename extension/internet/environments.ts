/**
 * The environments as this window knows them: read after each connect and after each change made
 * here, and which one the next task of this folder runs in. The backend decides; nothing is cached
 * for an edit: who edits reads first.
 */
import * as vscode from 'vscode';
import { policyWords } from '../../client/words/index.ts';
import { accessLevel, type AccessLevel } from '../../protocol/egress.ts';
import {
  DEFAULT_ENVIRONMENT_NAME,
  type Environment,
  type StoredEnvironment,
} from '../../protocol/environment.ts';
import { applyEdit, type EnvironmentEdit } from '../../protocol/environment-edit.ts';
import type { InternetState } from '../../protocol/pages.ts';
import type { Backend } from '../connection/backend.ts';
import type { Log } from '../platform/log.ts';
import { errorText, SentenceError, t } from '../platform/words.ts';

const CHOSEN = 'codexTasks.environment';

export interface EnvironmentsOptions {
  backend: Backend;
  /** Of the workspace: its tasks run in the environment that was chosen last. */
  state: vscode.Memento;
  log: Log;
}

export class Environments implements vscode.Disposable {
  readonly #options: EnvironmentsOptions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #known = new Map<string, StoredEnvironment>();
  readonly #watching: vscode.Disposable;
  readonly onDidChange = this.#changed.event;

  constructor(options: EnvironmentsOptions) {
    this.#options = options;
    this.#watching = options.backend.onDidChange(({ kind }) => {
      if (kind === 'connected') this.refreshQuietly();
      else if (kind === 'none') this.#replace([]);
    });
  }

  /** By name, the default one first. */
  get all(): StoredEnvironment[] {
    const isDefault = ({ name }: StoredEnvironment) => Number(name === DEFAULT_ENVIRONMENT_NAME);
    return [...this.#known.values()].sort(
      (a, b) => isDefault(b) - isDefault(a) || a.name.localeCompare(b.name),
    );
  }

  /** For the next task. One that is gone is not asked for again. */
  get chosen(): string {
    const name = this.#options.state.get<unknown>(CHOSEN);
    return typeof name === 'string' && this.#known.has(name) ? name : DEFAULT_ENVIRONMENT_NAME;
  }

  async choose(name: string): Promise<void> {
    await this.#options.state.update(CHOSEN, name);
    this.#changed.fire();
  }

  level(name = DEFAULT_ENVIRONMENT_NAME): AccessLevel | undefined {
    const environment = this.#known.get(name);
    return environment && accessLevel(environment.internet.agent);
  }

  /** What pages are told of it: words, not a policy. */
  internet(name = DEFAULT_ENVIRONMENT_NAME): InternetState | undefined {
    const policy = this.#known.get(name)?.internet.agent;
    return policy && { environment: name, level: accessLevel(policy), sentence: policyWords(policy, t) };
  }

  async refresh(): Promise<void> {
    const { connection } = await this.#options.backend.ready();
    this.#replace((await connection.call('environment.list', {})).environments);
  }

  /** A backend that has no environments yet is no reason to disturb anyone. */
  refreshQuietly(): void {
    if (this.#options.backend.status.kind !== 'connected') return;
    this.refresh().catch((thrown: unknown) => this.#options.log.debug(`Environments: ${errorText(thrown)}`));
  }

  async get(name: string): Promise<StoredEnvironment> {
    const { connection } = await this.#options.backend.ready();
    return this.#learn((await connection.call('environment.get', { name })).environment);
  }

  async put(environment: Environment): Promise<StoredEnvironment> {
    const { connection } = await this.#options.backend.ready();
    return this.#learn((await connection.call('environment.put', { environment })).environment);
  }

  /** Of what was read at `basis`. Changed since, it is refused, and what holds now is known. */
  async edit(name: string, edit: EnvironmentEdit, basis: number): Promise<StoredEnvironment> {
    const newest = await this.get(name);
    if (newest.updatedAt !== basis) {
      throw new SentenceError(t('“{name}” was changed elsewhere meanwhile. Nothing was saved.', { name }));
    }
    return this.put(applyEdit(newest, edit));
  }

  async delete(name: string): Promise<void> {
    const { connection } = await this.#options.backend.ready();
    await connection.call('environment.delete', { name });
    this.#known.delete(name);
    this.#changed.fire();
  }

  async allow(taskId: string, domain: string): Promise<StoredEnvironment> {
    const { connection } = await this.#options.backend.ready();
    return this.#learn((await connection.call('policy.allow', { taskId, domain })).environment);
  }

  dispose(): void {
    this.#watching.dispose();
    this.#changed.dispose();
  }

  #learn(environment: StoredEnvironment): StoredEnvironment {
    this.#known.set(environment.name, environment);
    this.#changed.fire();
    return environment;
  }

  #replace(environments: readonly StoredEnvironment[]): void {
    this.#known.clear();
    for (const environment of environments) this.#known.set(environment.name, environment);
    this.#changed.fire();
  }
}
