/** What is said where nothing may run until the folder is trusted. */
import { SentenceError, t } from './words.ts';

export function untrusted(): SentenceError {
  return new SentenceError(
    t('This folder is not trusted. Codex runs no git and no program of it until you trust it.'),
    [{ label: t('Manage Workspace Trust'), command: 'workbench.trust.manage' }],
  );
}
