/**
 * What is behind the door, in one bundle that is loaded with its first use: reviewing a result (`room.ts`), applying
 * it here or elsewhere, and the list of what can be undone. This file puts it together.
 */
import { join } from 'node:path';
import type * as vscode from 'vscode';
import { openCheckpoints } from '../../client/apply/index.ts';
import { Applier, type ApplierOptions } from '../apply/applier.ts';
import { ChangesRoom, type RoomOptions } from './room.ts';

export interface RoomsOptions
  extends Omit<RoomOptions, 'checkpoints'>, Omit<ApplierOptions, 'checkpoints' | 'onUndone'> {
  /** Of this extension's own; what can be undone is kept below it. */
  storage: string;
}

export class Rooms implements vscode.Disposable {
  readonly changes: ChangesRoom;
  readonly applier: Applier;

  constructor(options: RoomsOptions) {
    const { storage, ...seams } = options;
    const store = openCheckpoints(join(storage, 'checkpoints'));
    const checkpoints = () => store;
    this.changes = new ChangesRoom({ ...seams, checkpoints });
    const onUndone = (taskId: string) => this.changes.lookAgain(taskId);
    this.applier = new Applier({ ...seams, checkpoints, onUndone });
  }

  dispose(): void {
    this.changes.dispose();
  }
}
