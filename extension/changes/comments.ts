/**
 * Comments on lines of a result, written where VS Code has comments, and sent together as one follow-up. They
 * stay until they are sent or deleted, after a restart too, and are nobody else's: no setting of the person's is
 * touched.
 */
import { relative } from 'node:path';
import * as vscode from 'vscode';
import { setContextKey } from '../platform/contextKeys.ts';
import { SentenceError, t } from '../platform/words.ts';
import { commentsPrompt, type LineComment } from './comments-text.ts';
import type { Reviews } from './reviews.ts';
import type { ChangesSession } from './session.ts';
import { RESULT_SCHEME, sideOf } from './uris.ts';

const CONTROLLER = 'codexTasks.comments';
/** Of the workspace: what is not sent yet. */
const KEPT = 'codexTasks.changes.unsent';

interface Kept {
  uri: string;
  /** Of the first and the last line. */
  lines: [number, number];
  texts: string[];
}

interface Written extends vscode.Comment {
  thread: vscode.CommentThread;
}

export class Comments implements vscode.Disposable {
  readonly #reviews: Reviews;
  readonly #state: vscode.Memento;
  readonly #threads = new Set<vscode.CommentThread>();
  #controller: vscode.CommentController | null = null;

  constructor(reviews: Reviews, state: vscode.Memento) {
    this.#reviews = reviews;
    this.#state = state;
    reviews.onDidChange(() => this.#show());
  }

  /** What VS Code's comment box hands over. */
  add(reply: unknown): void {
    const { thread, text } = reply as vscode.CommentReply;
    if (text.trim() === '') return;
    this.#write(thread, [text]);
    this.#changed();
  }

  remove(argument: unknown): void {
    const comment = argument as Written;
    const { thread } = comment;
    thread.comments = thread.comments.filter((one) => one !== comment);
    if (thread.comments.length === 0) this.#drop(thread);
    this.#changed();
  }

  /** One follow-up for each task that has comments. */
  async send(followUp: (taskId: string, prompt: string) => Promise<void>): Promise<string[]> {
    const of = new Map<string, { threads: vscode.CommentThread[]; comments: LineComment[] }>();
    for (const thread of this.#threads) {
      const session = this.#sessionOf(thread.uri);
      if (!session) continue;
      const { taskId } = session.result.ref;
      const own = of.get(taskId) ?? { threads: [], comments: [] };
      own.threads.push(thread);
      own.comments.push(...(await commentsOf(session, thread)));
      of.set(taskId, own);
    }
    if (of.size === 0) throw new SentenceError(t('There is no comment to send. Write one beside a line.'));
    for (const [taskId, { threads, comments }] of of) {
      await followUp(taskId, commentsPrompt(comments, t));
      for (const thread of threads) this.#drop(thread);
      this.#changed();
    }
    return [...of.keys()];
  }

  dispose(): void {
    this.#controller?.dispose();
  }

  /** Lines can be commented while a review is open, and what was written outlives it. */
  #show(): void {
    if (this.#controller === null && this.#reviews.all.length > 0) {
      this.#controller = vscode.comments.createCommentController(CONTROLLER, t('Codex'));
      this.#controller.options = {
        placeHolder: t('What should the agent change here?'),
        prompt: t('Comment for the agent'),
      };
      this.#bringBack(this.#controller);
    }
    if (this.#controller === null) return;
    if (this.#reviews.all.length === 0) delete this.#controller.commentingRangeProvider;
    else
      this.#controller.commentingRangeProvider = {
        provideCommentingRanges: (document) =>
          this.#sessionOf(document.uri)
            ? [new vscode.Range(0, 0, Math.max(0, document.lineCount - 1), 0)]
            : [],
      };
  }

  #sessionOf(uri: vscode.Uri): ChangesSession | undefined {
    if (uri.scheme === 'file') return this.#reviews.at(uri)[0]?.session;
    if (uri.scheme !== RESULT_SCHEME) return undefined;
    const side = sideOf(uri);
    if (side.kind !== 'blob') return undefined;
    return this.#reviews.all.find(
      ({ result: { ref } }) =>
        ref.taskId === side.taskId && ref.turn === side.turn && ref.attempt === side.attempt,
    );
  }

  #drop(thread: vscode.CommentThread): void {
    this.#threads.delete(thread);
    thread.dispose();
  }

  #write(thread: vscode.CommentThread, texts: readonly string[]): void {
    const comments = texts.map((text): Written => ({
      ...{ thread, body: new vscode.MarkdownString(text), mode: vscode.CommentMode.Preview },
      author: { name: t('You') },
      label: t('not sent yet'),
      contextValue: 'codexComment',
    }));
    thread.comments = [...thread.comments, ...comments];
    thread.label = t('For the agent');
    thread.contextValue = 'codexThread';
    thread.collapsibleState = vscode.CommentThreadCollapsibleState.Expanded;
    this.#threads.add(thread);
  }

  #bringBack(controller: vscode.CommentController): void {
    for (const { uri, lines, texts } of this.#state.get<Kept[]>(KEPT) ?? []) {
      const range = new vscode.Range(lines[0], 0, lines[1], 0);
      this.#write(controller.createCommentThread(vscode.Uri.parse(uri), range, []), texts);
    }
    this.#changed();
  }

  #changed(): void {
    const kept = [...this.#threads].map(({ uri, range, comments }): Kept => ({
      uri: uri.toString(),
      lines: [range?.start.line ?? 0, range?.end.line ?? 0],
      texts: comments.map(textOf),
    }));
    void this.#state.update(KEPT, kept);
    setContextKey('codexTasks.changes.comments', kept.length > 0);
  }
}

async function commentsOf(session: ChangesSession, thread: vscode.CommentThread): Promise<LineComment[]> {
  const { uri, range } = thread;
  const document = await vscode.workspace.openTextDocument(uri);
  const [from, to] = [range?.start.line ?? 0, range?.end.line ?? 0];
  const quoted = document.getText(new vscode.Range(from, 0, to, Number.MAX_SAFE_INTEGER));
  const side = uri.scheme === RESULT_SCHEME ? sideOf(uri) : null;
  const path =
    side === null
      ? relative(session.result.ref.root, uri.fsPath).replaceAll('\\', '/')
      : uri.path.replace(/^\//, '');
  return thread.comments.map((comment) => ({
    ...{ path, line: from + 1, endLine: to + 1, quoted },
    side: side?.kind === 'blob' ? side.side : 'file',
    text: textOf(comment),
  }));
}

function textOf({ body }: vscode.Comment): string {
  return typeof body === 'string' ? body : body.value;
}
