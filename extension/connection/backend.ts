/**
 * The window's one connection: to the address of the settings, or to a backend of one's own.
 *
 * Order: is an address set → connect with its token; else did the person agree to a backend here →
 * find or start it. A loss is the connection's own affair (it retries, and asks again where the
 * backend is); a refusal shows as a state with its next step. Never: connecting before something
 * asked for it, a start without consent, a token to another host than its own.
 */
import * as vscode from 'vscode';
import {
  connect,
  type BackendConnection,
  type ConnectionState,
  type Hello,
} from '../../client/connection/index.ts';
import { nodeSocket } from '../../client/connection/node-socket.ts';
import type { WireError } from '../../protocol/errors.ts';
import { setContextKey, type ConnectionKey } from '../platform/contextKeys.ts';
import type { Log } from '../platform/log.ts';
import type { Secrets } from '../platform/secrets.ts';
import { onDidChangeSetting, networkSettings, setting } from '../platform/settings.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import { untrusted } from '../platform/trust.ts';
import type { OwnBackend } from './own.ts';

export type BackendStatus =
  | { kind: 'none' }
  | { kind: 'connecting' }
  | { kind: 'connected'; hello: Hello }
  | { kind: 'lost'; error: WireError }
  | { kind: 'refused'; error: WireError };

export interface BackendOptions {
  own: OwnBackend;
  secrets: Secrets;
  log: Log;
  version: string;
  /** What the person agreed to, kept over restarts. */
  consent: vscode.Memento;
}

/** In `consent`. */
const START_AGREED = 'codexTasks.startBackend.agreed';
/** How long a command waits for a backend that is being started. */
const READY_TIMEOUT_MS = 75_000;

type User = (connection: BackendConnection) => () => void;

export class Backend implements vscode.Disposable {
  readonly #options: BackendOptions;
  readonly #changed = new vscode.EventEmitter<BackendStatus>();
  readonly #disposables: vscode.Disposable[] = [this.#changed];
  readonly #users = new Map<User, (() => void) | null>();
  #connection: BackendConnection | null = null;
  #address = '';
  /** The person is saying where the backend is: neither the old place nor none is meant any more. */
  #moving: Promise<void> | null = null;
  /** The person stopped it: only the person starts it again. */
  #stopped = false;
  #status: BackendStatus = { kind: 'none' };
  readonly onDidChange = this.#changed.event;

  constructor(options: BackendOptions) {
    this.#options = options;
    this.#disposables.push(
      onDidChangeSetting(['serverUrl', 'dataFolder'], () => void this.reconnect()),
      options.secrets.onDidChangeToken(
        () => this.#address,
        () => this.#connection?.retryNow(),
      ),
    );
  }

  get status(): BackendStatus {
    return this.#status;
  }

  /** Null until something asked for a connection. */
  get connection(): BackendConnection | null {
    return this.#connection;
  }

  get isOwn(): boolean {
    return setting('serverUrl') === '';
  }

  get startAgreed(): boolean {
    return this.#options.consent.get<boolean>(START_AGREED) === true;
  }

  /** Where tasks go, for a person: a host, or this machine. */
  get place(): string {
    const url = setting('serverUrl');
    return url === '' ? t('this machine') : URL.canParse(url) ? new URL(url).host : url;
  }

  /** Of the backend that is connected; for git over HTTP, never shown or logged. */
  async token(): Promise<string> {
    const url = setting('serverUrl');
    return url === '' ? this.#options.own.token : this.#options.secrets.token(url);
  }

  async url(): Promise<string> {
    return setting('serverUrl') || (await this.#options.own.findOrStart()).url;
  }

  /** With every connection, now and later, until the returned function is called. */
  use(user: User): () => void {
    this.#users.set(user, this.#connection ? user(this.#connection) : null);
    return () => {
      this.#users.get(user)?.();
      this.#users.delete(user);
    };
  }

  /** Connects if the person has chosen where to; asks nothing. For a view that became visible. */
  openQuietly(): void {
    if (this.#connection) return;
    if (!this.isOwn || (this.startAgreed && !this.#stopped)) this.#open();
  }

  /** Connected when it returns. Asks what has to be asked. */
  async ready(): Promise<{ connection: BackendConnection; hello: Hello }> {
    // What failed is told where the person was asked.
    await this.#moving?.catch(() => undefined);
    if (this.isOwn && !this.startAgreed) await this.#askToStart();
    if (this.#status.kind === 'refused') this.retryNow();
    const connection = this.#open();
    return { connection, hello: await connection.ready(READY_TIMEOUT_MS) };
  }

  retryNow(): void {
    this.#options.own.forgetStarts();
    if (this.#connection) this.#connection.retryNow();
    else this.openQuietly();
  }

  /** After a change of address, or of what a backend is started with. */
  async reconnect(): Promise<void> {
    this.close();
    this.openQuietly();
  }

  /** `change` writes where the backend is, or how it is entered. Who needs a connection meanwhile gets the new one. */
  async move(change: () => Promise<void>): Promise<void> {
    const before = this.#connection;
    const moving = change();
    this.#moving = moving;
    try {
      await moving;
    } finally {
      if (this.#moving === moving) this.#moving = null;
    }
    // A changed address has closed it already, and what is open now may be in use.
    if (this.#connection === before) this.close();
    this.openQuietly();
  }

  async start(): Promise<void> {
    if (!this.isOwn) {
      throw new SentenceError(
        t('The setting “serverUrl” names another backend. Empty it to use one on this machine.'),
        [
          {
            label: t('Open Settings'),
            command: 'workbench.action.openSettings',
            args: ['codexTasks.serverUrl'],
          },
        ],
      );
    }
    this.#options.own.forgetStarts();
    if (!this.startAgreed) await this.#askToStart();
    await this.ready();
  }

  /** Running tasks go on with the next start. */
  async stop(): Promise<void> {
    this.close();
    this.#stopped = true;
    if (!(await this.#options.own.stop())) {
      throw new SentenceError(t('The backend does not stop. Its log may say why.'), [
        { label: t('Show Logs'), command: 'codexTasks.showLogs' },
      ]);
    }
  }

  async restart(): Promise<void> {
    if (!this.isOwn) {
      this.retryNow();
      return;
    }
    await this.stop();
    await this.start();
  }

  close(): void {
    for (const [user, stop] of this.#users) {
      stop?.();
      this.#users.set(user, null);
    }
    this.#connection?.close();
    this.#connection = null;
    this.#setStatus({ kind: 'none' });
  }

  dispose(): void {
    this.close();
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #open(): BackendConnection {
    if (this.#connection) return this.#connection;
    this.#stopped = false;
    const url = setting('serverUrl');
    const own = this.#options.own;
    this.#address = url;
    const { strictSsl } = networkSettings();
    // VS Code patches Node's http and tls with its proxy and certificates; `ws` goes through them.
    const connection = connect({
      url: url === '' ? async () => (await own.findOrStart()).url : url,
      token: () => this.token(),
      client: { name: 'vscode', version: this.#options.version },
      openSocket: nodeSocket(strictSsl ? {} : { rejectUnauthorized: false }),
    });
    this.#connection = connection;
    connection.onState((state) => {
      if (this.#connection === connection) this.#setStatus(statusOf(state));
    });
    for (const user of this.#users.keys()) this.#users.set(user, user(connection));
    return connection;
  }

  #setStatus(status: BackendStatus): void {
    this.#status = status;
    setContextKey('codexTasks.connection', keyOf(status));
    setContextKey('codexTasks.ownBackend', this.isOwn && status.kind !== 'none');
    if (status.kind === 'lost' || status.kind === 'refused') {
      this.#options.log.warn(
        `Connection ${status.kind}: ${status.error.code} ${JSON.stringify(status.error.params)}`,
      );
    } else this.#options.log.info(`Connection: ${status.kind}`);
    this.#changed.fire(status);
  }

  async #askToStart(): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    if (!(await this.#options.own.find())) {
      const start = t('Start Backend');
      const connectTo = t('Connect to a Server');
      const answer = await vscode.window.showInformationMessage(
        t('Start a Codex backend on this machine?'),
        {
          modal: true,
          detail: t(
            'It listens on this machine only, keeps its data in {folder}, runs tasks in sealed sandboxes, and ends ten minutes after it was last used.',
            { folder: this.#options.own.dataDir },
          ),
        },
        start,
        connectTo,
      );
      if (answer === connectTo) void vscode.commands.executeCommand('codexTasks.connect');
      if (answer !== start) throw new Dismissed();
    }
    await this.#options.consent.update(START_AGREED, true);
  }
}

function statusOf(state: ConnectionState): BackendStatus {
  switch (state.kind) {
    case 'idle':
    case 'closed':
      return { kind: 'none' };
    case 'connecting':
      return { kind: 'connecting' };
    case 'connected':
      return { kind: 'connected', hello: state.hello };
    case 'awaitingRetry':
      return { kind: 'lost', error: state.reason };
    case 'refused':
      return { kind: 'refused', error: state.error };
  }
}

function keyOf(status: BackendStatus): ConnectionKey {
  if (status.kind !== 'refused') return status.kind;
  return status.error.code === 'unauthorized' ? 'unauthorized' : 'failed';
}
