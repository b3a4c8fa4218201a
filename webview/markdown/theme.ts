/** The theme as a script sees it: its colours, and when it is another one. */

/** Calls back when VS Code has put on another theme; returns how to stop it. */
export function onTheme(changed: () => void): () => void {
  let before = document.body.className;
  const observer = new MutationObserver(() => {
    if (document.body.className === before) return;
    before = document.body.className;
    changed();
  });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  return () => observer.disconnect();
}

/** The first of these that the theme has, as a colour without transparency. */
export function themeColor(...names: readonly string[]): string {
  const style = getComputedStyle(document.documentElement);
  for (const name of names) {
    const value = style.getPropertyValue(name).trim();
    if (value !== '') return opaque(value, style.getPropertyValue('--vscode-editor-background').trim());
  }
  return 'transparent';
}

/** Libraries that compute with colours know `#rrggbb` and no alpha. */
function opaque(color: string, under: string): string {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  if (!canvas) return color;
  canvas.canvas.width = canvas.canvas.height = 1;
  for (const one of [under, color]) {
    canvas.fillStyle = one;
    canvas.fillRect(0, 0, 1, 1);
  }
  const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data;
  return `#${[red, green, blue].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

export function isDark(): boolean {
  const [red = 0, green = 0, blue = 0] = (
    themeColor('--vscode-editor-background').match(/[\da-f]{2}/gi) ?? []
  ).map((pair) => Number.parseInt(pair, 16));
  return red + green + blue < 384;
}
