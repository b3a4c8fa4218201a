/** VS Code's own GitHub session. Its token is asked for when it is needed, and kept nowhere by us. */
import * as vscode from 'vscode';
import { GITHUB, hostOf } from '../../client/pull-request/index.ts';
import type { Log } from '../platform/log.ts';
import { errorText, SentenceError, t } from '../platform/words.ts';

/**
 * VS Code has one session at a server of one's own: at the one that the setting `github-enterprise.uri` names. A
 * folder's remote may name any host, and that one does not get the token of another.
 */
export async function gitHubToken(host: string, log: Log): Promise<string> {
  const provider = providerOf(host);
  if (provider === null) throw notSignedIn(host);
  try {
    const session = await vscode.authentication.getSession(provider, ['repo'], { createIfNone: true });
    return session.accessToken;
  } catch (thrown) {
    // A closed dialog and a sign-in that failed look the same.
    log.warn(`No session at ${host}: ${errorText(thrown)}`);
    throw notSignedIn(host);
  }
}

/** Null where the person is not signed in: nobody is asked to. */
export async function quietGitHubToken(host: string): Promise<string | null> {
  const provider = providerOf(host);
  if (provider === null) return null;
  const session = await vscode.authentication.getSession(provider, ['repo'], { silent: true });
  return session?.accessToken ?? null;
}

function providerOf(host: string): 'github' | 'github-enterprise' | null {
  if (host === GITHUB) return 'github';
  return host === enterpriseHost() ? 'github-enterprise' : null;
}

function enterpriseHost(): string | null {
  return hostOf(vscode.workspace.getConfiguration('github-enterprise').get<string>('uri') ?? '');
}

function notSignedIn(host: string): SentenceError {
  if (host === GITHUB)
    return new SentenceError(t('VS Code is not signed in to GitHub. Sign in, then try again.'));
  return new SentenceError(
    t('VS Code is not signed in to {host}. Set github-enterprise.uri to it, sign in, then try again.', {
      host,
    }),
    [
      {
        label: t('Open Settings'),
        command: 'workbench.action.openSettings',
        args: ['github-enterprise.uri'],
      },
    ],
  );
}
