/**
 * `update_plan`: a command on the agent's PATH. It takes a whole plan from standard input or its first
 * argument, checks it, notes it for the backend, and prints it back.
 *
 * Exit codes: 0 noted; 1 the plan is not one, or cannot be noted here; 2 used wrongly.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { NOTES_VARIABLE, type Note } from '../../protocol/notes.ts';
import { parsePlan, PlanError, printPlan } from './parse.ts';

const USAGE = `Usage: update_plan <<'PLAN'
[x] A step that is done
[>] The step in progress
[ ] A step to do
PLAN
The plan may also be the only argument.
`;

function run(args: readonly string[], notes: string | undefined): number {
  const [argument, ...others] = args;
  if (others.length > 0 || argument === '--help' || argument === '-h') {
    process.stderr.write(USAGE);
    return others.length > 0 ? 2 : 0;
  }
  const plan = argument === undefined || argument === '-' ? readInput() : argument;
  if (plan.trim() === '') {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    const steps = parsePlan(plan);
    if (notes === undefined || notes === '') {
      throw new PlanError(
        'A plan is noted only when update_plan stands in the call itself, not in a script.',
      );
    }
    const note: Note = { kind: 'plan', steps };
    appendFileSync(notes, `${JSON.stringify(note)}\n`);
    process.stdout.write(printPlan(steps));
    return 0;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      error instanceof PlanError ? `${reason}\n` : `The plan could not be noted: ${reason}\n`,
    );
    return 1;
  }
}

function readInput(): string {
  return process.stdin.isTTY ? '' : readFileSync(0, 'utf8');
}

process.exitCode = run(process.argv.slice(2), process.env[NOTES_VARIABLE]);
