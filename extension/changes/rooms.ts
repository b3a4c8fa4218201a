/**
 * What is behind the door, in one bundle that is loaded with its first use: reviewing a result (`room.ts`), applying
 * it here or elsewhere, and the list of what can be undone. This file puts it together.
 */
import { join } from 'node:path';
import type * as vscode from 'vscode';
import { openCheckpoints } from '../../client/apply/index.ts';
import { Deliveries } from '../../client/apply-to/index.ts';
import { Applier, type ApplierOptions } from '../apply/applier.ts';
import { CheckpointList } from '../apply/checkpoint-list.ts';
import { Elsewhere } from '../apply/elsewhere.ts';
import type { OpenRoot } from '../apply/roots.ts';
import { t } from '../platform/words.ts';
import { ChangesRoom, type RoomOptions } from './room.ts';
import { isNode } from './targets.ts';

export interface RoomsOptions
  extends Omit<RoomOptions, 'checkpoints'>, Omit<ApplierOptions, 'checkpoints' | 'onUndone'> {
  /** Of this extension's own; what can be undone is kept below it. */
  storage: string;
  /** Of the folders that are open in this window. */
  roots(): Promise<readonly OpenRoot[]>;
}

export class Rooms implements vscode.Disposable {
  readonly changes: ChangesRoom;
  readonly applier: Applier;
  readonly elsewhere: Elsewhere;
  readonly checkpoints: CheckpointList;

  readonly #pickTask: RoomsOptions['pickTask'];

  constructor(options: RoomsOptions) {
    const { storage, ...seams } = options;
    this.#pickTask = (argument, title) => options.pickTask(argument, title);
    const store = openCheckpoints(join(storage, 'checkpoints'));
    const made = new Deliveries(join(storage, 'deliveries'));
    const [checkpoints, deliveries] = [() => store, () => made];
    this.changes = new ChangesRoom({ ...seams, checkpoints });
    const onUndone = (taskId: string) => this.changes.lookAgain(taskId);
    this.applier = new Applier({ ...seams, checkpoints, onUndone });
    this.elsewhere = new Elsewhere({ ...seams, checkpoints, deliveries });
    const { applier, elsewhere } = this;
    this.checkpoints = new CheckpointList({ ...seams, checkpoints, deliveries, applier, elsewhere });
  }

  /** `attempt`: the one that is looked at. */
  async apply(taskId: string, attempt?: number): Promise<void> {
    const rest = await this.changes.applyRest(taskId, attempt === undefined ? {} : { attempt });
    if (!rest) await this.applier.apply(taskId, attempt);
  }

  /** A row of either list, a task's id, or nothing. */
  async applyTo(argument: unknown): Promise<void> {
    const taskId = isNode(argument)
      ? argument.session.result.ref.taskId
      : await this.#pickTask(argument, t('Apply To…'));
    await this.elsewhere.apply(taskId);
  }

  dispose(): void {
    this.changes.dispose();
  }
}
