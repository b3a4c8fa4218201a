/**
 * “Allow” and “Allow and Retry” of a refusal in a task's page: asked natively, then the domain is
 * added to the environment, then the task tries again. The page only names a domain, and what it names
 * came out of a sandbox: it is shown as it is, and refused unless it is a plain name.
 */
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import { ruleProblemWords } from '../../client/words/index.ts';
import { DEFAULT_ENVIRONMENT_NAME } from '../../protocol/environment.ts';
import { hasEnded } from '../../protocol/states.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import type { TaskActions } from '../tasks/actions.ts';
import type { TaskStore } from '../tasks/store.ts';
import { domainProblem } from './domains.ts';
import type { Environments } from './environments.ts';
import type { InternetWarning } from './warning.ts';

export interface AllowOptions {
  environments: Environments;
  warning: InternetWarning;
  actions: TaskActions;
  store: TaskStore;
}

export function allower({ environments, warning, actions, store }: AllowOptions) {
  return async (taskId: string, { domain, retry }: { domain: string; retry: boolean }): Promise<void> => {
    const problem = domainProblem(domain, 'allow');
    if (problem) throw new SentenceError(ruleProblemWords(problem, domain, t));
    const name = store.get(taskId)?.environment ?? DEFAULT_ENVIRONMENT_NAME;
    const { internet } = await environments.get(name);
    const yes = retry ? t('Allow and Retry') : t('Allow');
    const question = t('Let tasks in “{name}” reach {domain}?', { name, domain });
    const facts = [
      t('It is added to the allowed domains of this environment, subdomains included.'),
      t('What ran in the sandbox asked for it. Allow it only if you know whose it is.'),
    ];
    if (internet.agent.access === 'off') {
      facts.push(t('Internet access is off there; this turns it on for this domain only.'));
      await warning.confirm(question, facts, yes);
    } else {
      const detail = facts.join('\n\n');
      const answer = await vscode.window.showWarningMessage(question, { modal: true, detail }, yes);
      if (answer !== yes) throw new Dismissed();
    }
    await environments.allow(taskId, domain);
    if (retry) await tryAgain(taskId, domain, actions, store);
  };
}

async function tryAgain(
  taskId: string,
  domain: string,
  actions: TaskActions,
  store: TaskStore,
): Promise<void> {
  const task = store.get(taskId);
  // While it runs, the agent meets the change by itself.
  if (!task || !hasEnded(task.state)) return;
  if (task.state !== 'completed') return actions.retry(taskId);
  await actions.followUp(taskId, {
    requestId: randomUUID(),
    mode: task.mode,
    prompt: t('{domain} can be reached now. Try again what failed because of it.', { domain }),
  });
}
