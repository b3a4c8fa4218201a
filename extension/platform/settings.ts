/** The settings, typed. Read when needed, so that a change counts at once. */
import * as vscode from 'vscode';

export interface Settings {
  serverUrl: string;
  sandbox: 'ask' | 'docker' | 'local';
  model: string;
  modelBaseUrl: string;
  dataFolder: string;
  notifications: 'all' | 'failures' | 'off';
  'review.surfaces': 'all' | 'gutter' | 'codeLens' | 'list';
}

const SECTION = 'codexTasks';

export function setting<K extends keyof Settings>(name: K): Settings[K] {
  const value = vscode.workspace.getConfiguration(SECTION).get<Settings[K]>(name);
  return typeof value === 'string' ? (value.trim() as Settings[K]) : ('' as Settings[K]);
}

/** Whether a new pull request begins as a draft, unless its form says otherwise. */
export function draftsFirst(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get<boolean>('pullRequest.draft') === true;
}

/** By host, for servers whose API is not where it is usual. Never a workspace's: a token is sent there. */
export function apiUrls(): Readonly<Record<string, string>> {
  const found = vscode.workspace.getConfiguration(SECTION).get<unknown>('pullRequest.apiUrls');
  const entries = Object.entries(typeof found === 'object' && found !== null ? found : {});
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** Where changes that are not decided show in editors, beside the list. */
export function surfaces(): { gutter: boolean; codeLens: boolean } {
  const chosen = setting('review.surfaces');
  return {
    gutter: chosen !== 'codeLens' && chosen !== 'list',
    codeLens: chosen !== 'gutter' && chosen !== 'list',
  };
}

export function includeLocalChanges(folder: vscode.Uri): boolean {
  return vscode.workspace.getConfiguration(SECTION, folder).get<boolean>('includeLocalChanges') ?? true;
}

export async function setServerUrl(url: string): Promise<void> {
  await vscode.workspace
    .getConfiguration(SECTION)
    .update('serverUrl', url === '' ? undefined : url, vscode.ConfigurationTarget.Global);
}

export function onDidChangeSetting(
  names: readonly (keyof Settings)[],
  listener: () => void,
): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((change) => {
    if (names.some((name) => change.affectsConfiguration(`${SECTION}.${name}`))) listener();
  });
}

/** VS Code's own proxy and certificate settings, for a program that is not VS Code. */
export function networkSettings() {
  const http = vscode.workspace.getConfiguration('http');
  return {
    proxy: http.get<string>('proxy') ?? '',
    noProxy: http.get<string[]>('noProxy') ?? [],
    proxySupport: http.get<string>('proxySupport') ?? 'override',
    strictSsl: http.get<boolean>('proxyStrictSSL') ?? true,
    systemCertificates: http.get<boolean>('systemCertificates') ?? true,
  };
}
export type NetworkSettings = ReturnType<typeof networkSettings>;
