/** VS Code's own GitHub session. Its token is asked for when it is needed, and kept nowhere by us. */
import * as vscode from 'vscode';
import { GITHUB } from '../../client/pull-request/index.ts';
import type { Log } from '../platform/log.ts';
import { errorText, SentenceError, t } from '../platform/words.ts';

/** Of a server of one's own, the setting `github-enterprise.uri` says which it is. */
export async function gitHubToken(host: string, log: Log): Promise<string> {
  const provider = host === GITHUB ? 'github' : 'github-enterprise';
  try {
    const session = await vscode.authentication.getSession(provider, ['repo'], { createIfNone: true });
    return session.accessToken;
  } catch (thrown) {
    // A closed dialog and a sign-in that failed look the same.
    log.warn(`No session at ${host}: ${errorText(thrown)}`);
    throw host === GITHUB
      ? new SentenceError(t('VS Code is not signed in to GitHub. Sign in, then try again.'))
      : new SentenceError(
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
}
