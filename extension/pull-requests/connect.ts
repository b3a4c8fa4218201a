/**
 * `Codex: Connect GitHub…`: which forges the backend may publish to, and how: all in VS Code's own dialogs. A token
 * goes from here to the backend and nowhere else; it is in no log, no setting and on no page.
 *
 * Order: what is connected and which ways there are → one way, asked step by step → the backend tries it and keeps it
 * → told. What it refuses is said where it was typed, and can be typed again.
 */
import * as vscode from 'vscode';
import { GITHUB, hostOf, tokenPage } from '../../client/pull-request/index.ts';
import type { BackendConnection } from '../../client/connection/index.ts';
import { errorWords } from '../../client/words/index.ts';
import { CodexError } from '../../protocol/errors.ts';
import { ForgeToken, type ForgeView } from '../../protocol/forge.ts';
import { kindOf } from '../../protocol/forge-address.ts';
import { pickFrom, separator } from '../internet/quick.ts';
import type { Log } from '../platform/log.ts';
import { apiUrls } from '../platform/settings.ts';
import { Dismissed, SentenceError, sentenceOf, t } from '../platform/words.ts';
import { gitHubToken } from './session.ts';

/** While a person makes an app in the browser. */
const APP_POLL_MS = 2_000;
/** Longer than it takes to read two pages of GitHub's; the link of the backend has ended by then. */
const APP_WAIT_MS = 15 * 60_000;

type Way = 'session' | 'token' | 'app' | 'enterprise' | { forge: ForgeView };
interface Row extends vscode.QuickPickItem {
  way?: Way;
}

export interface ConnectOptions {
  connection: BackendConnection;
  /** Of the backend, for a person. */
  place: string;
  /** Of the folder's remote, where it is at a forge. */
  host: string | null;
  log: Log;
}

export async function connectForge(options: ConnectOptions): Promise<void> {
  const { forges } = await options.connection.call('forge.list', {});
  const host = options.host ?? GITHUB;
  const picked = await pickFrom<Row>({
    title: t('Connect GitHub'),
    placeholder: t('How may {place} push branches and make pull requests?', { place: options.place }),
    items: [...wayRows(host), ...forgeRows(forges)],
  });
  if (!picked?.way) throw new Dismissed();
  await follow(picked.way, host, options);
}

async function follow(way: Way, host: string, options: ConnectOptions): Promise<void> {
  if (way === 'session') return bySession(host, options);
  if (way === 'token') return byToken(host, options);
  if (way === 'app') return byApp(host, options);
  if (way === 'enterprise') return byToken(await askHost(host), options);
  return disconnect(way.forge, options);
}

function wayRows(host: string): Row[] {
  const own = kindOf(host) === 'github';
  return [
    ...(own
      ? [
          {
            label: `$(account) ${t('Sign In with VS Code’s GitHub Account')}`,
            description: host,
            detail: t('The quickest. It may do what you may do in all your repositories.'),
            way: 'session' as const,
          },
        ]
      : []),
    {
      label: `$(key) ${t('Paste a Fine-Grained Token…')}`,
      description: host,
      detail: t('For the repositories that you choose, and nothing but branches and pull requests.'),
      way: 'token',
    },
    ...(own
      ? [
          {
            label: `$(github-action) ${t('Make a GitHub App…')}`,
            description: host,
            detail: t('Of your own, for several people: tokens for one repository and one hour.'),
            way: 'app' as const,
          },
        ]
      : []),
    {
      label: `$(server) ${t('GitHub Enterprise Server…')}`,
      detail: t('Another host, with a token from there.'),
      way: 'enterprise',
    },
  ];
}

function forgeRows(forges: readonly ForgeView[]): Row[] {
  if (forges.length === 0) return [];
  return [
    separator(t('Connected')),
    ...forges.map((forge) => ({
      label: `$(${forge.problem ? 'warning' : 'check'}) ${t('Disconnect {host}', { host: forge.host })}`,
      description: describe(forge),
      ...(forge.problem ? { detail: errorWords(forge.problem, t).text } : {}),
      way: { forge },
    })),
  ];
}

function describe({ how, account, from }: ForgeView): string {
  const what = how === 'app' ? t('app', {}) : t('token', {});
  const whose = account === undefined ? what : t('{what} of {account}', { what, account });
  return from === 'owner' ? t('{what}, in the backend’s configuration', { what: whose }) : whose;
}

async function bySession(host: string, options: ConnectOptions): Promise<void> {
  const go = t('Sign In and Connect');
  const answer = await vscode.window.showInformationMessage(
    t('Give {place} the token of VS Code’s session at {host}?', { place: options.place, host }),
    {
      modal: true,
      detail: t(
        'The backend keeps it, sealed, until you disconnect, and uses it for pull requests that somebody asked for. It may do what you may do in all your repositories; a fine-grained token may do less.',
      ),
    },
    go,
  );
  if (answer !== go) throw new Dismissed();
  await keep(await gitHubToken(host, options.log), host, options);
}

async function byToken(host: string, options: ConnectOptions): Promise<void> {
  const link = { iconPath: new vscode.ThemeIcon('link-external'), tooltip: t('Make One in the Browser') };
  const input = vscode.window.createInputBox();
  Object.assign(input, {
    title: t('Token of {host}', { host }),
    prompt:
      kindOf(host) === 'gitlab'
        ? t('With the scopes api and write_repository. The button above opens the page that makes one.')
        : t(
            'Contents and pull requests: read and write; commit statuses: read. The button above opens the page that makes one.',
          ),
    ...{ password: true, ignoreFocusOut: true, buttons: [link] },
  });
  await new Promise<void>((resolve, reject) => {
    let isDone = false;
    input.onDidTriggerButton(() => void vscode.env.openExternal(vscode.Uri.parse(tokenPage(host), true)));
    input.onDidChangeValue(() => {
      input.validationMessage = undefined;
    });
    input.onDidAccept(() => {
      if (input.busy) return;
      const token = input.value.trim();
      if (!ForgeToken.safeParse(token).success) {
        input.validationMessage = t('This is no token: it holds a space, or is too short.');
        return;
      }
      input.busy = true;
      input.enabled = false;
      keep(token, host, options)
        .then(() => {
          isDone = true;
          resolve();
          input.hide();
        })
        .catch((thrown: unknown) => {
          input.validationMessage = sentenceOf(thrown);
        })
        .finally(() => {
          input.busy = false;
          input.enabled = true;
        });
    });
    input.onDidHide(() => {
      input.dispose();
      if (!isDone) reject(new Dismissed());
    });
    input.show();
  });
}

/** The backend tries it with the forge before it keeps it. */
async function keep(token: string, host: string, options: ConnectOptions): Promise<void> {
  const apiUrl = apiUrls()[host];
  const { forge } = await options.connection.call('forge.connect', {
    ...{ host, kind: kindOf(host), token },
    ...(apiUrl ? { apiUrl } : {}),
  });
  connected(forge, options);
}

function connected(forge: ForgeView, { log }: ConnectOptions): void {
  log.info(`A forge was connected: ${forge.host}, by ${forge.how}.`);
  const { host, account } = forge;
  void vscode.window.showInformationMessage(
    account === undefined
      ? t('{host} is connected.', { host })
      : t('{host} is connected as {account}.', { host, account }),
  );
}

async function askHost(host: string): Promise<string> {
  const written = await vscode.window.showInputBox({
    title: t('GitHub Enterprise Server'),
    prompt: t('Its host, or the address of any page there.'),
    placeHolder: 'git.example.com',
    value: host === GITHUB ? '' : host,
    ignoreFocusOut: true,
    validateInput: (value) =>
      value.trim() === '' || hostOf(value) !== null
        ? null
        : t('A host like git.example.com or git.example.com:8443'),
  });
  const found = written === undefined ? null : hostOf(written);
  if (found === null) throw new Dismissed();
  return found;
}

async function byApp(host: string, options: ConnectOptions): Promise<void> {
  const { connection } = options;
  const organization = await vscode.window.showInputBox({
    title: t('Make a GitHub App'),
    prompt: t('The organization that it will belong to. Nothing: you.'),
    placeHolder: t('organization'),
    ignoreFocusOut: true,
    validateInput: (value) =>
      /^[A-Za-z0-9-]{0,100}$/.test(value.trim())
        ? null
        : t('Letters, digits and hyphens, as in its address.'),
  });
  if (organization === undefined) throw new Dismissed();
  const before = await appAt(connection, host);
  const { url } = await connection.call('forge.startApp', {
    host,
    ...(organization.trim() === '' ? {} : { organization: organization.trim() }),
  });
  if (!/^https?:\/\//i.test(url)) throw new SentenceError(t('The backend gave no page to open.'));
  if (!(await vscode.env.openExternal(vscode.Uri.parse(url, true)))) throw new Dismissed();
  const forge = await waitForApp(connection, host, before);
  connected(forge, options);
  await offerInstall(forge);
}

async function appAt(connection: BackendConnection, host: string): Promise<ForgeView | undefined> {
  const { forges } = await connection.call('forge.list', {});
  return forges.find((forge) => forge.host === host && forge.how === 'app');
}

async function waitForApp(
  connection: BackendConnection,
  host: string,
  before: ForgeView | undefined,
): Promise<ForgeView> {
  const until = Date.now() + APP_WAIT_MS;
  const title = t('Waiting for the app to be made in the browser …');
  const location = vscode.ProgressLocation.Notification;
  return vscode.window.withProgress({ location, title, cancellable: true }, async (_progress, cancel) => {
    while (!cancel.isCancellationRequested && Date.now() < until) {
      const forge = await appAt(connection, host);
      if (forge && (forge.connectedAt !== before?.connectedAt || forge.account !== before?.account))
        return forge;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, APP_POLL_MS);
        cancel.onCancellationRequested(() => (clearTimeout(timer), resolve()));
      });
    }
    throw cancel.isCancellationRequested ? new Dismissed() : new CodexError('forgeAppUnfinished');
  });
}

/** An app can do nothing until it was given repositories. */
async function offerInstall({ installUrl }: ForgeView): Promise<void> {
  if (installUrl === undefined || !/^https?:\/\//i.test(installUrl)) return;
  const go = t('Choose Repositories');
  const answer = await vscode.window.showInformationMessage(
    t('The app is made. Give it the repositories that it may push to.'),
    go,
  );
  if (answer === go) await vscode.env.openExternal(vscode.Uri.parse(installUrl, true));
}

async function disconnect({ host, from }: ForgeView, { connection, log }: ConnectOptions): Promise<void> {
  if (from === 'owner') {
    throw new SentenceError(
      t('{host} stands in the backend’s configuration, and is changed there.', { host }),
    );
  }
  const go = t('Disconnect');
  const answer = await vscode.window.showWarningMessage(
    t('Disconnect {host}?', { host }),
    {
      modal: true,
      detail: t('The backend forgets the token or the app’s key. Pull requests that are there stay.'),
    },
    go,
  );
  if (answer !== go) throw new Dismissed();
  await connection.call('forge.disconnect', { host });
  log.info(`A forge was disconnected: ${host}.`);
  void vscode.window.showInformationMessage(t('{host} is disconnected.', { host }));
}
