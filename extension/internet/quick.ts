/** VS Code's list in the palette's place, asked once: with a row to begin at, and buttons on rows. */
import * as vscode from 'vscode';

export interface ListOptions<T extends vscode.QuickPickItem> {
  title: string;
  placeholder: string;
  items: readonly T[];
  active?: T | undefined;
  /** A button of a row; the list closes. */
  onButton?: (item: T, button: vscode.QuickInputButton) => void;
}

/** Undefined when it was closed without a choice. */
export async function pickFrom<T extends vscode.QuickPickItem>(
  options: ListOptions<T>,
): Promise<T | undefined> {
  const list = vscode.window.createQuickPick<T>();
  list.title = options.title;
  list.placeholder = options.placeholder;
  list.items = options.items;
  list.matchOnDescription = true;
  list.ignoreFocusOut = true;
  if (options.active) list.activeItems = [options.active];
  try {
    return await new Promise((resolve) => {
      list.onDidTriggerItemButton(({ item, button }) => {
        options.onButton?.(item, button);
        resolve(undefined);
      });
      list.onDidAccept(() => resolve(list.selectedItems[0]));
      list.onDidHide(() => resolve(undefined));
      list.show();
    });
  } finally {
    list.dispose();
  }
}

export function separator(label: string): vscode.QuickPickItem {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}
