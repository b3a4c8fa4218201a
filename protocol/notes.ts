/**
 * Notes: what a command of ours in the sandbox (`update_plan`, `view_image`) tells the backend beside its
 * output. The call's environment names a file; the command adds one line of JSON per note; the backend
 * reads the file after the call has ended. Anything inside may write there, so whoever reads it checks.
 *
 * Only types and plain constants: the programs in the sandbox are small and have no schema library.
 */

/** The variable that names the file. */
export const NOTES_VARIABLE = 'CODEX_NOTES';

/** Only a call whose script names one of these gets such a file. */
export const NOTING_COMMANDS = ['update_plan', 'view_image'] as const;

/** All notes of one call: some plans, or the paths of some pictures. */
export const NOTES_BYTES = 64 * 1024;

/** A plan is read at a glance. */
export const PLAN_STEPS = 20;
export const PLAN_STEP_CHARS = 200;

export type PlanState = 'pending' | 'inProgress' | 'completed';
export interface PlanStep {
  text: string;
  state: PlanState;
}

export type Note = { kind: 'plan'; steps: PlanStep[] } | { kind: 'image'; path: string };
