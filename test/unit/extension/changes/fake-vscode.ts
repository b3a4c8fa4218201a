/** As much of VS Code as the room of changes touches; what it was asked to show stands in `shown`. */
export class EventEmitter<T> {
  readonly #listeners = new Set<(value: T) => void>();
  readonly event = (listener: (value: T) => void) => {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  };
  fire(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }
  dispose(): void {
    this.#listeners.clear();
  }
}
export class Position {
  readonly line: number;
  readonly character: number;
  constructor(line: number, character: number) {
    this.line = line;
    this.character = character;
  }
}
export class Range {
  readonly start: Position;
  readonly end: Position;
  constructor(line: number, character: number, endLine: number, endCharacter: number) {
    this.start = new Position(line, character);
    this.end = new Position(endLine, endCharacter);
  }
  get active(): Position {
    return this.end;
  }
  get isEmpty(): boolean {
    return this.start.line === this.end.line && this.start.character === this.end.character;
  }
}
export const Selection = Range;
export class Uri {
  readonly scheme: string;
  readonly path: string;
  readonly query: string;
  constructor(scheme: string, path: string, query = '') {
    this.scheme = scheme;
    this.path = path;
    this.query = query;
  }
  get fsPath(): string {
    return this.path;
  }
  toString(): string {
    return `${this.scheme}:${this.path}?${this.query}`;
  }
  static file(path: string): Uri {
    return new Uri('file', path);
  }
  static parse(text: string): Uri {
    const [, scheme = '', path = '', query = ''] = /^(\w[\w-]*):([^?]*)\?(.*)$/.exec(text) ?? [];
    return new Uri(scheme, path, query);
  }
  static from({ scheme, path, query }: { scheme: string; path: string; query?: string }): Uri {
    return new Uri(scheme, path, query);
  }
}
export class TreeItem {
  label: string;
  constructor(label: string) {
    this.label = label;
  }
}
export class ThemeIcon {
  static readonly File = { id: 'file' };
  readonly id: string;
  constructor(id: string) {
    this.id = id;
  }
}
export class ThemeColor {}
export class MarkdownString {
  value: string;
  constructor(value: string) {
    this.value = value;
  }
}
export class CodeLens {
  readonly range: Range;
  readonly command: { title: string; command: string; arguments: unknown[] };
  constructor(range: Range, command: CodeLens['command']) {
    this.range = range;
    this.command = command;
  }
}
export class CodeAction {
  readonly title: string;
  constructor(title: string) {
    this.title = title;
  }
}
export const CodeActionKind = { QuickFix: 'quickfix' };
export const ProgressLocation = { Notification: 15 };
export const TreeItemCollapsibleState = { None: 0, Collapsed: 1, Expanded: 2 };
export const TreeItemCheckboxState = { Unchecked: 0, Checked: 1 };
export const CommentMode = { Preview: 1 };
export const CommentThreadCollapsibleState = { Expanded: 1 };
export const TextEditorRevealType = { InCenterIfOutsideViewport: 2 };
export const FileType = { File: 1 };
export const FilePermission = { Readonly: 1 };
export const FileChangeType = { Changed: 1 };
export const EndOfLine = { LF: 1, CRLF: 2 };

interface Control {
  quickDiffProvider?: { provideOriginalResource(uri: Uri): Uri | undefined };
  inputBox: object;
  disposed?: boolean;
}
export interface Lenses {
  provideCodeLenses(document: { uri: Uri; lineCount: number }): CodeLens[];
}
export const shown = {
  executed: [] as [string, ...unknown[]][],
  keys: {} as Record<string, unknown>,
  messages: [] as string[],
  /** What the person answers, in order. */
  answers: [] as (string | undefined)[],
  /** What dialogs say below their first sentence, and their buttons. */
  details: [] as string[],
  buttons: [] as string[][],
  /** What the person picks of a list, in order, by what its label has; several for a list with boxes. */
  picks: [] as (string | undefined)[],
  lists: [] as { title: string; labels: string[]; descriptions: string[] }[],
  /** What the person types into each input box, in order; the last is accepted. */
  typed: [] as string[][],
  /** What each box said to each of these. */
  problems: [] as string[],
  /** What stood in each box at first. */
  proposed: [] as string[],
  lenses: [] as Lenses[],
  controls: [] as Control[],
  clipboard: '',
  surfaces: 'all',
  /** The token of VS Code's session at each forge; absent: the person is not signed in. */
  sessions: {} as Record<string, string>,
  /** `github-enterprise.uri`. */
  enterpriseUri: '',
};
export const authentication = {
  getSession: async (provider: string) => {
    const accessToken = shown.sessions[provider];
    if (accessToken === undefined) throw new Error('User did not consent to login.');
    return { accessToken };
  },
};

const nothing = () => ({ dispose: () => undefined });
const event = () => new EventEmitter<never>().event;
const ask = (message: string, ...more: (string | { detail?: string })[]) => {
  shown.messages.push(message);
  const [options] = more;
  shown.details.push((typeof options === 'object' ? options.detail : undefined) ?? '');
  shown.buttons.push(more.filter((one) => typeof one === 'string'));
  return Promise.resolve(shown.answers.shift());
};
interface Item {
  label: string;
  description?: string;
}
const pick = async (items: Item[] | Promise<Item[]>, options: { title: string; canPickMany?: boolean }) => {
  const all = await items;
  const { title, canPickMany } = options;
  shown.lists.push({
    title,
    labels: all.map(({ label }) => label),
    descriptions: all.map(({ description }) => description ?? ''),
  });
  const wanted = shown.picks.shift();
  if (wanted === undefined) return undefined;
  const found = all.filter(({ label }) => label.includes(wanted));
  return canPickMany ? found : found[0];
};
/** Types, waits for what the box says to it, and accepts the last. */
class InputBox {
  value = '';
  title = '';
  #said: (() => void) | null = null;
  readonly #changed = new EventEmitter<string>();
  readonly #accepted = new EventEmitter<undefined>();
  readonly #hidden = new EventEmitter<undefined>();
  readonly onDidChangeValue = this.#changed.event;
  readonly onDidAccept = this.#accepted.event;
  readonly onDidHide = this.#hidden.event;
  readonly onDidTriggerButton = event();
  set validationMessage(message: string | undefined) {
    shown.problems.push(message ?? '');
    this.#said?.();
  }
  show(): void {
    shown.proposed.push(this.value);
    void this.#type(shown.typed.shift());
  }
  hide(): void {
    this.#hidden.fire(undefined);
  }
  dispose(): void {
    this.#changed.dispose();
  }
  async #type(texts: readonly string[] | undefined): Promise<void> {
    for (const text of texts ?? []) {
      const said = new Promise<void>((resolve) => (this.#said = resolve));
      this.value = text;
      this.#changed.fire(text);
      await said;
    }
    if (texts === undefined) this.hide();
    else this.#accepted.fire(undefined);
  }
}
export const window = {
  createTreeView: () => ({
    ...{ selection: [], onDidChangeCheckboxState: nothing, dispose: () => undefined },
    reveal: async () => undefined,
  }),
  activeTextEditor: undefined as unknown,
  onDidChangeActiveTextEditor: event(),
  onDidChangeTextEditorSelection: event(),
  onDidChangeWindowState: event(),
  showWarningMessage: ask,
  showInformationMessage: ask,
  showQuickPick: pick,
  createInputBox: () => new InputBox(),
  withProgress: (_options: unknown, act: () => unknown) => act(),
  setStatusBarMessage: nothing,
  showTextDocument: async (uri: Uri) => {
    shown.executed.push(['showTextDocument', uri.path]);
    return { revealRange: () => undefined };
  },
};
const watched = new EventEmitter<Uri>();
export const workspace = {
  /** Every watcher hears of it. */
  fileChanged: (uri: Uri) => watched.fire(uri),
  createFileSystemWatcher: () => ({
    ...{ onDidChange: watched.event, onDidCreate: event(), onDidDelete: event() },
    dispose: () => undefined,
  }),
  registerFileSystemProvider: nothing,
  isTrusted: true,
  workspaceFolders: [] as { uri: Uri }[],
  textDocuments: [],
  onDidChangeTextDocument: event(),
  onDidSaveTextDocument: event(),
  onDidOpenTextDocument: event(),
  onDidChangeConfiguration: event(),
  getConfiguration: () => ({
    get: (name: string) =>
      name === 'review.surfaces' ? shown.surfaces : name === 'uri' ? shown.enterpriseUri : '',
  }),
  openTextDocument: async () => ({ getText: () => 'the quoted line' }),
};
export const commands = {
  getCommands: async () => ['_open.mergeEditor'],
  executeCommand: async (name: string, ...args: unknown[]) => {
    if (name === 'setContext') shown.keys[String(args[0])] = args[1];
    else shown.executed.push([name, ...args]);
  },
};
/** One replacement. */
export class WorkspaceEdit {
  start: unknown;
  end: unknown;
  text = '';
  replace(_uri: Uri, { start, end }: { start: unknown; end: unknown }, text: string): void {
    Object.assign(this, { start, end, text });
  }
}
export const languages = {
  registerCodeLensProvider: (_selector: unknown, provider: Lenses) => {
    shown.lenses.push(provider);
    return nothing();
  },
  registerCodeActionsProvider: nothing,
};
export const scm = {
  createSourceControl: () => {
    const control: Control & { dispose(): void } = { inputBox: {}, dispose: () => (control.disposed = true) };
    shown.controls.push(control);
    return control;
  },
};
export const comments = {
  createCommentController: () => ({
    createCommentThread: (uri: Uri, range: Range) => ({ uri, range, comments: [], dispose: () => undefined }),
    dispose: () => undefined,
  }),
};
export const env = {
  language: 'en',
  clipboard: {
    writeText: async (text: string) => {
      shown.clipboard = text;
    },
  },
};
export const l10n = {
  t: (template: string, params: Record<string, string | number> = {}) =>
    template.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name])),
};
