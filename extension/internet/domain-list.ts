/**
 * A list of domains, edited in the palette's place: what is typed can be added, each row has a button
 * that removes it. Every change is sent at once; what the backend refuses is said in its own row and
 * nothing is lost.
 */
import * as vscode from 'vscode';
import { ruleProblemWords } from '../../client/words/index.ts';
import { sentenceOf, t } from '../platform/words.ts';
import { domainProblem, splitDomains, type DomainList } from './domains.ts';

export interface DomainListOptions {
  title: string;
  list: DomainList;
  domains: readonly string[];
  save(domains: readonly string[]): Promise<readonly string[]>;
}

interface Row extends vscode.QuickPickItem {
  does?: 'add' | 'edit' | 'done';
}

export async function editDomains(options: DomainListOptions): Promise<void> {
  let domains = options.domains;
  let problem = '';
  const list = vscode.window.createQuickPick<Row>();
  list.title = options.title;
  list.placeholder = t('Add domains: example.com, =example.com, *.example.com, example.com:8443');
  list.ignoreFocusOut = true;
  const remove = { iconPath: new vscode.ThemeIcon('trash'), tooltip: t('Remove') };

  const show = () => {
    const typed = splitDomains(list.value);
    const bad = typed.find((entry) => domainProblem(entry, options.list) !== null);
    const why = bad === undefined ? null : domainProblem(bad, options.list);
    const said = why && bad !== undefined ? ruleProblemWords(why, bad, t) : problem;
    const rows: Row[] = [];
    if (said !== '') rows.push({ label: `$(error) ${said}`, alwaysShow: true });
    else if (typed.length > 0) rows.push({ label: addWords(typed), alwaysShow: true, does: 'add' });
    else rows.push({ label: `$(check) ${t('Done')}`, does: 'done' });
    rows.push(...domains.map((label): Row => ({ label, buttons: [remove], does: 'edit' })));
    list.items = rows;
    const [first] = rows;
    if (first) list.activeItems = [first];
  };
  const save = async (wanted: readonly string[], typed: string) => {
    list.busy = true;
    list.enabled = false;
    try {
      domains = await options.save(wanted);
      problem = '';
      list.value = '';
    } catch (thrown) {
      problem = sentenceOf(thrown);
      list.value = typed;
    } finally {
      list.busy = false;
      list.enabled = true;
    }
    show();
  };

  try {
    await new Promise<void>((resolve) => {
      list.onDidChangeValue(() => {
        problem = '';
        show();
      });
      list.onDidTriggerItemButton(({ item }) => save(without(domains, item.label), list.value));
      list.onDidAccept(() => {
        const [chosen] = list.selectedItems;
        if (chosen?.does === 'done') resolve();
        if (chosen?.does === 'edit') list.value = chosen.label;
        if (chosen?.does === 'add') {
          const typed = splitDomains(list.value);
          void save([...typed.reduce(without, domains), ...typed], list.value);
        } else show();
      });
      list.onDidHide(() => resolve());
      show();
      list.show();
    });
  } finally {
    list.dispose();
  }
}

function without(domains: readonly string[], domain: string): readonly string[] {
  return domains.filter((one) => one !== domain);
}

function addWords(typed: readonly string[]): string {
  const [first = ''] = typed;
  return `$(add) ${typed.length === 1 ? t('Add {domain}', { domain: first }) : t('Add {count} domains', { count: typed.length })}`;
}
