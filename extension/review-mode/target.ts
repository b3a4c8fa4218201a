/** `Codex: Review Changes`: of what, asked natively; the composer then takes what else there is to say. */
import * as vscode from 'vscode';
import type { ReviewTarget } from '../../protocol/pages.ts';
import { Dismissed, t } from '../platform/words.ts';
import { REVIEW_TARGETS } from './prompt.ts';

export async function pickReviewTarget(): Promise<ReviewTarget> {
  const words: Record<ReviewTarget, { label: string; icon: string; description: string }> = {
    local: { label: t('Local changes'), icon: 'edit', description: t('what is not committed yet') },
    branch: { label: t('This branch'), icon: 'git-branch', description: t('against the default branch') },
    commit: { label: t('Newest commit'), icon: 'git-commit', description: t('against its parent') },
  };
  const picked = await vscode.window.showQuickPick(
    REVIEW_TARGETS.map((target) => {
      const { label, icon, description } = words[target];
      return { label, description, iconPath: new vscode.ThemeIcon(icon), target };
    }),
    { title: t('Review what?') },
  );
  if (!picked) throw new Dismissed();
  return picked.target;
}
