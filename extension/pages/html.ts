/** The HTML of every page: nothing from outside, scripts by nonce only, styles and fonts of our own. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { PageBoot } from '../../protocol/pages.ts';

export function pageRoot(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
}

export function pageHtml(
  webview: vscode.Webview,
  extensionUri: vscode.Uri,
  page: 'composer' | 'task' | 'environment',
  about: { title: string; taskId?: string },
): string {
  const root = pageRoot(extensionUri);
  const address = (file: string) => webview.asWebviewUri(vscode.Uri.joinPath(root, file)).toString();
  const nonce = randomBytes(16).toString('base64');
  const boot: PageBoot = {
    language: vscode.env.language,
    words: bundle(),
    mac: process.platform === 'darwin',
    ...(about.taskId === undefined ? {} : { taskId: about.taskId }),
  };
  const source = webview.cspSource;
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source} 'unsafe-inline'`,
    `font-src ${source}`,
    `img-src ${source} data:`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${attribute(vscode.env.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${attribute(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${attribute(about.title)}</title>
<link rel="stylesheet" href="${address(`${page}.css`)}">
</head>
<body data-boot="${attribute(JSON.stringify(boot))}">
<script nonce="${nonce}" src="${address(`${page}.js`)}"></script>
</body>
</html>`;
}

function bundle(): Record<string, string> {
  const words: Record<string, string> = {};
  for (const [template, translated] of Object.entries(vscode.l10n.bundle ?? {})) {
    if (typeof translated === 'string') words[template] = translated;
  }
  return words;
}

function attribute(text: string): string {
  return text.replace(/[&"'<>]/g, (char) => `&#${char.charCodeAt(0)};`);
}
