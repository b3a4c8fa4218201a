/** Title and text of a pull request by the person's own git: as the backend writes them, with the template of the commit here. */
import { bodyOfPull, TEMPLATE_PLACES, templateText, type Said } from '../../protocol/pull-text.ts';
import { PULL_TEMPLATE_BYTES } from '../../protocol/limits.ts';
import { proposedTitle } from '../../protocol/pull-request.ts';
import type { AttemptView, TaskView, TurnView } from '../../protocol/rpc.ts';
import { runGit, splitNul } from '../git/git.ts';

export interface OwnResult {
  turn: TurnView;
  attempt: AttemptView;
}

export async function ownText(
  root: string,
  start: string,
  task: TaskView,
  result: OwnResult,
): Promise<{ title: string; body: string }> {
  const said = saidOf(task, result);
  const template = await templateAt(root, start);
  return {
    title: proposedTitle(said.report?.proposal?.title ?? said.title),
    body: bodyOfPull(said, template, { taskId: task.id, url: null }),
  };
}

/** The answer and the checks of the turn that made the result; the newest proposal up to it. */
function saidOf(task: TaskView, { turn, attempt }: OwnResult): Said {
  const report = attempt.report ?? turn.report;
  const proposal = task.turnList
    .filter((one) => one.turn <= turn.turn)
    // Of several attempts each has said something of its own.
    .map(
      (one) => (one.attempts.find((own) => own.attempt === attempt.attempt)?.report ?? one.report)?.proposal,
    )
    .findLast((one) => one !== undefined);
  return {
    title: task.title,
    answer: attempt.answer ?? turn.answer ?? null,
    report: { checks: report?.checks ?? [], ...(proposal ? { proposal } : {}) },
  };
}

/** Null: there is none, or none that is a text of a usual size. */
async function templateAt(root: string, commit: string): Promise<string | null> {
  for (const { kind, folder, name } of TEMPLATE_PLACES) {
    if (kind !== 'github') continue;
    const { code, stdout } = await runGit(root, ['ls-tree', '-z', '--name-only', `${commit}:${folder}`], {
      okCodes: [0, 128],
    });
    const names = code === 0 ? splitNul(stdout).map((one) => one.toString('utf8')) : [];
    const file = names.filter((one) => name.test(one)).sort()[0];
    if (file === undefined) continue;
    const read = ['cat-file', 'blob', `${commit}:${folder === '' ? file : `${folder}/${file}`}`];
    const blob = await runGit(root, read, { maxOutputBytes: PULL_TEMPLATE_BYTES }).catch(() => null);
    const text = blob && templateText(blob.stdout);
    if (text !== null) return text;
  }
  return null;
}
