/** A shell in a task's sandbox as one of VS Code's terminals. */
import * as vscode from 'vscode';
import type { BackendConnection, ClientTerminal } from '../../client/connection/index.ts';
import { terminalEndWords, terminalGreeting } from '../../client/words/terminals.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import { sentenceOf, t } from '../platform/words.ts';
import { Painter } from './painter.ts';
import { terminalSentence } from './sentence.ts';

/** Before VS Code has drawn it, a terminal has no size. */
const USUAL = { columns: 80, rows: 24 };
const TITLE_CHARS = 40;

export function openTerminal(connection: BackendConnection, task: TaskSummary): vscode.Terminal {
  const title = task.title.length > TITLE_CHARS ? `${task.title.slice(0, TITLE_CHARS)}…` : task.title;
  const terminal = vscode.window.createTerminal({
    name: t('Codex: {title}', { title }),
    pty: new SandboxTerminal(connection, task),
    iconPath: new vscode.ThemeIcon('terminal'),
    // Its shell is gone with this window.
    isTransient: true,
  });
  terminal.show(false);
  return terminal;
}

class SandboxTerminal implements vscode.Pseudoterminal {
  readonly #connection: BackendConnection;
  readonly #task: TaskSummary;
  readonly #written = new vscode.EventEmitter<string>();
  readonly #closed = new vscode.EventEmitter<number | void>();
  readonly onDidWrite = this.#written.event;
  readonly onDidClose = this.#closed.event;
  readonly #painter = new Painter((text) => this.#written.fire(text));
  #terminal: ClientTerminal | null = null;
  /** Typed before the shell was there. */
  #early = '';
  #size = USUAL;
  #greeted = false;
  #over = false;

  constructor(connection: BackendConnection, task: TaskSummary) {
    this.#connection = connection;
    this.#task = task;
  }

  open(dimensions: vscode.TerminalDimensions | undefined): void {
    if (dimensions) this.#size = dimensions;
    void this.#begin();
  }

  close(): void {
    this.#over = true;
    this.#terminal?.close();
    this.#painter.dispose();
    this.#written.dispose();
    this.#closed.dispose();
  }

  handleInput(text: string): void {
    if (this.#terminal) void this.#terminal.write(Buffer.from(text));
    else this.#early += text;
  }

  setDimensions(dimensions: vscode.TerminalDimensions): void {
    this.#size = dimensions;
    this.#terminal?.resize(dimensions.columns, dimensions.rows);
  }

  async #begin(): Promise<void> {
    const opened = this.#size;
    try {
      const terminal = await this.#connection.terminal(
        { taskId: this.#task.id, columns: opened.columns, rows: opened.rows },
        {
          onOutput: (bytes) => {
            if (this.#over) return;
            this.#greet();
            this.#painter.take(bytes);
          },
          onEnd: (reason, exitCode) => {
            // A shell that a person left closes as VS Code's own do; any other end is explained first.
            if (reason === 'exited' && exitCode === 0) this.#end(exitCode);
            else this.#end(undefined, terminalEndWords(reason, exitCode, t));
          },
        },
      );
      this.#terminal = terminal;
      if (this.#over) return terminal.close();
      this.#greet();
      if (this.#size !== opened) terminal.resize(this.#size.columns, this.#size.rows);
      if (this.#early !== '') void terminal.write(Buffer.from(this.#early));
      this.#early = '';
    } catch (error) {
      this.#end(undefined, sentenceOf(error));
    }
  }

  /** Once there is a shell, above all that it prints. */
  #greet(): void {
    if (this.#greeted) return;
    this.#greeted = true;
    this.#say(terminalGreeting(this.#task, t));
  }

  /** With words it stays open, so that they can be read. */
  #end(exitCode: number | undefined, words?: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#painter.flush();
    if (words === undefined) this.#closed.fire(exitCode);
    else this.#say(words);
  }

  #say(words: string): void {
    this.#written.fire(terminalSentence(words, this.#size.columns));
  }
}
