/**
 * `Codex: Answer @codex in Comments…`: in which repositories a comment starts a task. A list that stays until it is
 * left: Enter turns one off at once, and on after saying who may then start tasks, what for, and where answers go.
 */
import * as vscode from 'vscode';
import type { BackendConnection } from '../../client/connection/index.ts';
import { webhookProblem, webhookWords } from '../../client/words/index.ts';
import { DEFAULT_ENVIRONMENT_NAME } from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { ForgeRepoView, ForgeView } from '../../protocol/forge.ts';
import { pickFrom, separator } from '../internet/quick.ts';
import type { Log } from '../platform/log.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import { commentRows, isSame, onQuestion, repositoryOf, type CommentRow } from './comment-tasks.ts';

/** Without `of`: one that is not listed. */
type Row = vscode.QuickPickItem & Partial<Pick<CommentRow, 'of'>>;

export interface AnswerCommentsOptions {
  connection: BackendConnection;
  /** Of the backend, for a person. */
  place: string;
  /** Of the folder's remote, where it is at a forge. */
  open: ForgeRepoView | null;
  log: Log;
}

export async function answerComments(options: AnswerCommentsOptions): Promise<void> {
  const { connection, open } = options;
  for (let last: ForgeRepoView | null = open; ;) {
    const [{ forges }, known] = await Promise.all([
      connection.call('forge.list', {}),
      connection.call('forge.listTriggers', {}),
    ]);
    if (forges.length === 0 && known.triggers.length === 0) throw notConnected(options);
    const picked = await pick(commentRows({ ...known, forges, open }, t), last);
    try {
      const of = picked.of ?? (await askRepository(forges));
      const isOn = known.triggers.some((trigger) => isSame(trigger, of));
      if (!isOn) await turnOn(of, forges, options);
      // One that was written out is meant to be on.
      else if (picked.of) await turnOff(of, options);
      last = of;
    } catch (thrown) {
      // Back to the list.
      if (!(thrown instanceof Dismissed)) throw thrown;
    }
  }
}

function notConnected({ place }: AnswerCommentsOptions): SentenceError {
  return new SentenceError(
    t('{place} is connected to no GitHub yet. Connect it, then choose where comments start tasks.', {
      place,
    }),
    [{ label: t('Connect'), command: 'codexTasks.connectForge' }],
  );
}

async function pick(rows: readonly CommentRow[], last: ForgeRepoView | null): Promise<Row> {
  const items: readonly Row[] = rows;
  const other: Row = { label: `$(add) ${t('Another Repository…')}`, alwaysShow: true };
  const picked = await pickFrom<Row>({
    title: t('Answer @codex in Comments'),
    placeholder: t('Enter turns it on or off for a repository'),
    items: rows.length === 0 ? [other] : [...items, separator(''), other],
    active: items.find(({ of }) => of && last && isSame(of, last)),
  });
  if (!picked) throw new Dismissed();
  return picked;
}

async function askRepository(forges: readonly ForgeView[]): Promise<ForgeRepoView> {
  const written = await vscode.window.showInputBox({
    title: t('Another Repository'),
    prompt: t('Its name, or the address of any page there.'),
    placeHolder: 'octocat/hello-world',
    ignoreFocusOut: true,
    validateInput: (value) =>
      value.trim() === '' || repositoryOf(value, forges) !== null
        ? null
        : t('A name like octocat/hello-world, or the address of any page there'),
  });
  const found = written === undefined ? null : repositoryOf(written, forges);
  if (found === null) throw new Dismissed();
  return found;
}

async function turnOn(
  of: ForgeRepoView,
  forges: readonly ForgeView[],
  { connection, log }: AnswerCommentsOptions,
): Promise<void> {
  const forge = forges.find(({ host }) => host === of.host);
  if (!forge) throw new CodexError('forgeUnknown', { host: of.host });
  const problem = webhookProblem(forge);
  if (problem) throw problem;
  const environment = await chooseEnvironment(connection);
  const { question, detail } = onQuestion(of, forge, environment, t);
  const go = t('Turn On');
  if ((await vscode.window.showInformationMessage(question, { modal: true, detail }, go)) !== go)
    throw new Dismissed();
  await connection.call('forge.setTrigger', { ...of, on: true, environment });
  log.info(`Comments start tasks in ${of.host}/${of.repo}.`);
  void tellOn(of, forge);
}

/** Asked only where there are several. */
async function chooseEnvironment(connection: BackendConnection): Promise<string> {
  const { environments } = await connection.call('environment.list', {});
  if (environments.length <= 1) return environments[0]?.name ?? DEFAULT_ENVIRONMENT_NAME;
  const picked = await pickFrom({
    title: t('Answer @codex in Comments'),
    placeholder: t('In which environment do tasks from comments run?'),
    items: environments.map(({ name }) => ({ label: name })),
  });
  if (!picked) throw new Dismissed();
  return picked.label;
}

/** What is left to do is at the forge, with an address that nobody types. */
async function tellOn({ repo }: ForgeRepoView, forge: ForgeView): Promise<void> {
  const url = forge.webhook?.url;
  const copy = t('Copy Webhook Address');
  const holds = t('Comments in {repo} that begin with @codex start tasks now.', { repo });
  const said = await vscode.window.showInformationMessage(
    [holds, webhookWords(forge, t)].join(' '),
    ...(url === undefined ? [] : [copy]),
  );
  if (said === copy && url !== undefined) await vscode.env.clipboard.writeText(url);
}

async function turnOff(of: ForgeRepoView, { connection, log }: AnswerCommentsOptions): Promise<void> {
  await connection.call('forge.setTrigger', { ...of, on: false });
  log.info(`Comments start no tasks in ${of.host}/${of.repo} any more.`);
}
