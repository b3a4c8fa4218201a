/** Where a result goes beside the folder, asked step by step: a branch, a new branch, a new worktree. Writes nothing. */
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import * as vscode from 'vscode';
import {
  folderMustBeFree,
  localBranches,
  type LocalBranch,
  type Target,
} from '../../client/apply-to/index.ts';
import { nameProblemWords } from '../../client/words/index.ts';
import { branchNameProblem, branchOfTask, numbered, slugOf } from '../../protocol/branch-name.ts';
import { CodexError } from '../../protocol/errors.ts';
import { Dismissed, SentenceError, sentenceOf, t } from '../platform/words.ts';
import { askText } from './ask-text.ts';

/** Worktrees of one task beside one another; whoever has more names the next. */
const NUMBERS_TRIED = 20;

export interface Whence {
  root: string;
  /** Of the task. */
  title: string;
  taskId: string;
  /** The commit that the task started from. */
  start: string;
}

export async function pickTarget(whence: Whence): Promise<Target> {
  const items = [
    {
      label: `$(git-branch) ${t('Another Branch…')}`,
      detail: t('A commit on a local branch that is not checked out.'),
      ask: toBranch,
    },
    {
      label: `$(add) ${t('New Branch…')}`,
      detail: t('A commit on a branch of its own. Your files stay as they are.'),
      ask: toNewBranch,
    },
    {
      label: `$(folder-library) ${t('New Worktree…')}`,
      detail: t('A folder of its own beside this one, with the result not committed yet.'),
      ask: toWorktree,
    },
  ];
  const title = t('Apply the result of “{title}” to …', { title: whence.title });
  const picked = await vscode.window.showQuickPick(items, { title, matchOnDetail: true });
  if (!picked) throw new Dismissed();
  return picked.ask(whence, await localBranches(whence.root));
}

async function toBranch({ title }: Whence, branches: readonly LocalBranch[]): Promise<Target> {
  const free = branches.filter(({ folder }) => folder === null);
  if (free.length === 0)
    throw new SentenceError(
      t('There is no local branch that is not checked out. Choose a new branch instead.'),
    );
  const picked = await vscode.window.showQuickPick(
    [...free, ...branches.filter(({ folder }) => folder !== null)].map((branch) => ({
      label: branch.name,
      description:
        branch.folder === null
          ? shortSha(branch.at)
          : t('checked out in {folder}', { folder: branch.folder }),
      iconPath: new vscode.ThemeIcon(branch.folder === null ? 'git-branch' : 'circle-slash'),
      branch,
    })),
    { title: t('Apply the result of “{title}” to which branch?', { title }), matchOnDescription: true },
  );
  if (!picked) throw new Dismissed();
  const { name: branch, folder } = picked.branch;
  if (folder !== null) throw new CodexError('branchCheckedOut', { branch, folder });
  return { to: 'branch', branch };
}

async function toNewBranch(whence: Whence, branches: readonly LocalBranch[]): Promise<Target> {
  const branch = await askBranch(
    whence,
    branches,
    t('Name of the New Branch'),
    t('It starts at {commit}, as the task did.', { commit: shortSha(whence.start) }),
  );
  return { to: 'newBranch', branch, start: whence.start };
}

async function toWorktree(whence: Whence, branches: readonly LocalBranch[]): Promise<Target> {
  const { root, start } = whence;
  const beside = (folder: string) =>
    freeFolder(join(folder, `${basename(root)}-${slugOf(whence.title, whence.taskId)}`));
  const folder = await askText({
    title: t('Folder of the New Worktree (1/2)'),
    prompt: t('A folder that does not exist yet. It starts at {commit}, as the task did.', {
      commit: shortSha(start),
    }),
    value: await beside(dirname(root)),
    check: (value) => folderProblem(root, value),
    find: {
      label: t('Choose the Folder Around It'),
      icon: 'folder-opened',
      pick: async () => {
        const [found] =
          (await vscode.window.showOpenDialog({
            ...{ canSelectFolders: true, canSelectFiles: false, canSelectMany: false },
            defaultUri: vscode.Uri.file(dirname(root)),
            openLabel: t('Choose'),
          })) ?? [];
        return found ? beside(found.fsPath) : null;
      },
    },
  });
  const branch = await askBranch(
    whence,
    branches,
    t('Branch of the New Worktree (2/2)'),
    t('Leave it empty for a worktree that is on no branch.'),
    true,
  );
  return { to: 'worktree', folder, start, branch: branch === '' ? null : branch, commit: false };
}

function askBranch(
  whence: Whence,
  branches: readonly LocalBranch[],
  title: string,
  prompt: string,
  mayBeEmpty = false,
): Promise<string> {
  const taken = branches.map(({ name }) => name);
  return askText({
    ...{ title, prompt, value: freeName(whence, taken) },
    check: (value) => {
      const problem = mayBeEmpty && value === '' ? null : branchNameProblem(value, taken);
      return Promise.resolve(problem === null ? null : nameProblemWords(problem, value, t));
    },
  });
}

async function folderProblem(root: string, folder: string): Promise<string | null> {
  if (!isAbsolute(folder)) return t('Type the whole path of the folder.');
  const inside = relative(root, folder);
  if (inside === '' || !(inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)))
    return t('It would lie inside this repository. Choose a folder outside of it.');
  return folderMustBeFree(folder).then(
    () => null,
    (thrown: unknown) => sentenceOf(thrown),
  );
}

/** With a number when there is something already; which one is judged again before anything is made. */
async function freeFolder(folder: string): Promise<string> {
  for (let number = 1; number <= NUMBERS_TRIED; number++) {
    const one = number === 1 ? folder : `${folder}-${number}`;
    const isFree = await folderMustBeFree(one).then(
      () => true,
      () => false,
    );
    if (isFree) return one;
  }
  return folder;
}

/** Named after the task; with a number when there is such a branch already. */
function freeName({ title, taskId }: Whence, taken: readonly string[]): string {
  const name = branchOfTask(title, taskId);
  let free = name;
  for (let count = 2; branchNameProblem(free, taken) !== null && count <= taken.length + 2; count++)
    free = numbered(name, count);
  return free;
}

export function shortSha(sha: string): string {
  return sha.slice(0, 7);
}
