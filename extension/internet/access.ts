/**
 * `Codex: Internet Access…`: which environment → what its agent can reach, and the details of it. All
 * of it in native dialogs: a page shows what a model wrote and never decides this. Each choice holds at
 * once, also for tasks that run; what opens more is asked first.
 */
import * as vscode from 'vscode';
import { accessWords, policyWords } from '../../client/words/index.ts';
import { accessLevel, type AccessPolicy } from '../../protocol/egress.ts';
import {
  DEFAULT_ENVIRONMENT_NAME,
  defaultEnvironment,
  EnvironmentName,
  type StoredEnvironment,
} from '../../protocol/environment.ts';
import { Dismissed, t } from '../platform/words.ts';
import { choicesOf, needsWarning, withPolicy, withReach, type Choice, type PolicyPhase } from './choices.ts';
import { editDomains } from './domain-list.ts';
import type { Environments } from './environments.ts';
import { pickFrom, separator } from './quick.ts';
import type { InternetWarning } from './warning.ts';

export class InternetAccess {
  readonly #environments: Environments;
  readonly #warning: InternetWarning;

  constructor(environments: Environments, warning: InternetWarning) {
    this.#environments = environments;
    this.#warning = warning;
  }

  /** `name` is what a menu or a page names; without one the person chooses. */
  async open(name?: string): Promise<void> {
    let environment = await this.#environments.get(name ?? (await this.#pick(t('Internet Access'))));
    for (let phase: PolicyPhase = 'agent'; ;) {
      const choice = await this.#choose(environment, phase);
      if (choice.kind === 'learn') return this.#warning.learnMore();
      if (choice.kind === 'phase') phase = choice.phase;
      else environment = await this.#change(environment, phase, choice);
    }
  }

  /** For the composer: which environment the next task runs in, or what its internet access is. */
  async chooseForTasks(): Promise<void> {
    await this.#environments.refresh();
    if (this.#environments.all.length <= 1) return this.open(this.#environments.chosen);
    const change = { iconPath: new vscode.ThemeIcon('settings-gear'), tooltip: t('Internet Access …') };
    await this.#environments.choose(await this.#pick(t('Environment of New Tasks'), change));
  }

  /** `change`: a button on each row that opens its internet access instead of choosing it. */
  async #pick(title: string, change?: vscode.QuickInputButton): Promise<string> {
    await this.#environments.refresh();
    let removing = '';
    let changing = '';
    const remove = { iconPath: new vscode.ThemeIcon('trash'), tooltip: t('Delete') };
    const rows = this.#environments.all.map((environment) => ({
      label: environment.name,
      description: accessWords(accessLevel(environment.internet.agent), t),
      detail: policyWords(environment.internet.agent, t),
      name: environment.name,
      buttons: [
        ...(change ? [change] : []),
        ...(environment.name === DEFAULT_ENVIRONMENT_NAME ? [] : [remove]),
      ],
    }));
    const make = { label: `$(add) ${t('New Environment …')}`, name: '', alwaysShow: true };
    const picked = await pickFrom<(typeof rows)[number] | typeof make>({
      title,
      placeholder: t('Choose an environment'),
      items: [...rows, make],
      active: rows.find((row) => row.name === this.#environments.chosen),
      onButton: ({ name }, button) => {
        if (button === remove) removing = name;
        else changing = name;
      },
    });
    if (changing !== '') await this.open(changing);
    if (removing !== '') {
      await this.#delete(removing);
      return this.#pick(title, change);
    }
    if (!picked) throw new Dismissed();
    return picked.name === '' ? this.#make() : picked.name;
  }

  async #make(): Promise<string> {
    const name = await vscode.window.showInputBox({
      title: t('New Environment'),
      prompt: t('Its name. It starts without internet access.'),
      ignoreFocusOut: true,
      validateInput: (text) => {
        if (this.#environments.all.some((one) => one.name === text)) return t('It is there already.');
        return EnvironmentName.safeParse(text).success
          ? null
          : t('Letters, digits, dots, dashes and underscores; a letter or digit first; at most 63.');
      },
    });
    if (name === undefined) throw new Dismissed();
    return (await this.#environments.put(defaultEnvironment(name))).name;
  }

  async #delete(name: string): Promise<void> {
    const yes = t('Delete');
    const answer = await vscode.window.showWarningMessage(
      t('Delete the environment “{name}”?', { name }),
      { modal: true, detail: t('Its internet access settings are lost. Tasks that used it are kept.') },
      yes,
    );
    if (answer === yes) await this.#environments.delete(name);
  }

  async #choose(environment: StoredEnvironment, phase: PolicyPhase): Promise<Choice> {
    const items = choicesOf(environment.internet, phase, t).flatMap(({ group, current, ...item }) => {
      const row = { ...item, label: `${current === true ? '$(check) ' : ''}${item.label}`, current };
      return group === undefined ? [row] : [{ ...separator(group), choice: null, current: false }, row];
    });
    const { name } = environment;
    const picked = await pickFrom({
      title:
        phase === 'agent'
          ? t('Internet Access of “{name}”', { name })
          : t('Internet Access of “{name}” During Setup', { name }),
      placeholder: policyWords(environment.internet[phase], t),
      items,
      active: items.find(({ current }) => current === true),
    });
    if (!picked?.choice) throw new Dismissed();
    return picked.choice;
  }

  async #change(
    environment: StoredEnvironment,
    phase: PolicyPhase,
    choice: Exclude<Choice, { kind: 'phase' | 'learn' }>,
  ): Promise<StoredEnvironment> {
    const before = environment.internet[phase];
    switch (choice.kind) {
      case 'reach': {
        const changed = await this.#put(environment, phase, withReach(before, choice.reach));
        return choice.reach === 'listed' && before.allow.length === 0
          ? this.#change(changed, phase, { kind: 'domains', list: 'allow' })
          : changed;
      }
      case 'methods':
        return this.#put(environment, phase, {
          ...before,
          methods: before.methods === 'all' ? 'read' : 'all',
        });
      case 'domains': {
        let newest = environment;
        await editDomains({
          title:
            choice.list === 'allow'
              ? t('Allowed Domains of “{name}”', { name: environment.name })
              : t('Denied Domains of “{name}”', { name: environment.name }),
          list: choice.list,
          domains: before[choice.list],
          save: async (domains) => {
            const policy = { ...newest.internet[phase], [choice.list]: [...domains] };
            newest = await this.#put(newest, phase, policy);
            return newest.internet[phase][choice.list];
          },
        });
        return newest;
      }
    }
  }

  async #put(
    environment: StoredEnvironment,
    phase: PolicyPhase,
    policy: AccessPolicy,
  ): Promise<StoredEnvironment> {
    if (needsWarning(phase, environment.internet[phase], policy)) {
      const { name } = environment;
      const question =
        policy.preset === 'all'
          ? t('Open everything on the internet to the agent in “{name}”?', { name })
          : t('Turn internet access on for the agent in “{name}”?', { name });
      const running = t('Tasks that run in this environment get it at once.');
      await this.#warning.confirm(question, [running], t('Turn On'));
    }
    return this.#environments.put(withPolicy(environment, phase, policy));
  }
}
