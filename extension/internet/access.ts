/**
 * `Codex: Internet Access…`: which environment → what its agent can reach, and the details of it; the
 * page of environments asks here, too. All of it in native dialogs: a page shows what a model wrote and never decides this. Each choice holds at
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
  readonly #showPage: (name?: string) => Promise<void>;

  /** `showPage`: everything else of an environment. */
  constructor(
    environments: Environments,
    warning: InternetWarning,
    showPage: (name?: string) => Promise<void>,
  ) {
    this.#environments = environments;
    this.#warning = warning;
    this.#showPage = showPage;
  }

  /** `name` is what a menu or a page names; without one the person chooses. */
  async open(name?: string, first: PolicyPhase = 'agent'): Promise<void> {
    let environment = await this.#environments.get(name ?? (await this.#pick(t('Internet Access'))));
    for (let phase = first; ;) {
      const choice = await this.#choose(environment, phase);
      if (choice.kind === 'learn') return this.#warning.learnMore();
      if (choice.kind === 'environment') return this.#showPage(environment.name);
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
    const page = { label: `$(settings-gear) ${t('All Settings …')}`, name: '', alwaysShow: true };
    const picked = await pickFrom<(typeof rows)[number] | typeof make>({
      title,
      placeholder: t('Choose an environment'),
      items: [...rows, make, page],
      active: rows.find((row) => row.name === this.#environments.chosen),
      onButton: ({ name }, button) => {
        if (button === remove) removing = name;
        else changing = name;
      },
    });
    if (changing !== '') await this.open(changing);
    if (removing !== '') {
      await this.remove(removing).catch((thrown: unknown) => {
        if (!(thrown instanceof Dismissed)) throw thrown;
      });
      return this.#pick(title, change);
    }
    if (!picked) throw new Dismissed();
    if (picked === page) {
      await this.#showPage();
      throw new Dismissed();
    }
    return picked.name === '' ? this.make() : picked.name;
  }

  /** Asks for the name; with `from`, a copy of that one. */
  async make(from?: string): Promise<string> {
    const name = await vscode.window.showInputBox({
      title: from === undefined ? t('New Environment') : t('Copy of “{name}”', { name: from }),
      prompt:
        from === undefined
          ? t('Its name. It starts without internet access.')
          : t('Its name. Secrets are not copied: their values can’t be read.'),
      ignoreFocusOut: true,
      validateInput: (text) => {
        if (this.#environments.all.some((one) => one.name === text)) return t('It is there already.');
        return EnvironmentName.safeParse(text).success
          ? null
          : t('Letters, digits, dots, dashes and underscores; a letter or digit first; at most 63.');
      },
    });
    if (name === undefined) throw new Dismissed();
    const start = from === undefined ? defaultEnvironment() : await this.#environments.get(from);
    return (await this.#environments.put({ ...start, name })).name;
  }

  /** The default one goes back to its defaults instead. */
  async remove(name: string): Promise<void> {
    const isDefault = name === DEFAULT_ENVIRONMENT_NAME;
    const yes = isDefault ? t('Reset') : t('Delete');
    const answer = await vscode.window.showWarningMessage(
      isDefault
        ? t('Set the environment “{name}” back to its defaults?', { name })
        : t('Delete the environment “{name}”?', { name }),
      { modal: true, detail: t('Its settings are lost. Tasks that used it are kept.') },
      yes,
    );
    if (answer !== yes) throw new Dismissed();
    await this.#environments.delete(name);
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
    choice: Exclude<Choice, { kind: 'phase' | 'learn' | 'environment' }>,
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
