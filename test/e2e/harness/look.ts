/** What a page looks like to who sees little of it: the contrast of its text, the names of what can be used. */
import type { Frame } from 'playwright-core';

/** WCAG 2.2, level AA, for text of this size. */
export const MIN_CONTRAST = 4.5;

/** Roles that a person acts on, or that group those, and that mean nothing without a name. */
const NAMED = ['button', 'link', 'textbox', 'radio', 'radiogroup', 'checkbox', 'group', 'log', 'progressbar'];

/** Text with less contrast than it needs against what is behind it, as rendered. */
export async function paleText(frame: Frame, background: 'editor' | 'sideBar'): Promise<string[]> {
  return frame.evaluate(
    ({ variable, least }) => {
      type Colour = [number, number, number, number];
      const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
      if (!canvas) throw new Error('There is no canvas.');
      /** Whatever notation: the canvas makes bytes of it. */
      const parse = (colour: string): Colour => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
        return [red, green, blue, alpha / 255];
      };
      const over = (top: Colour, under: Colour): Colour => {
        const mix = (at: 0 | 1 | 2) => top[at] * top[3] + under[at] * (1 - top[3]);
        return [mix(0), mix(1), mix(2), 1];
      };
      const luminance = (colour: Colour) => {
        const linear = (byte: number) => {
          const part = byte / 255;
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        };
        return 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
      };
      const page = parse(getComputedStyle(document.documentElement).getPropertyValue(variable).trim());
      const behind = (element: Element | null): Colour => {
        if (!element) return page;
        const own = parse(getComputedStyle(element).backgroundColor);
        return own[3] === 1 ? own : over(own, behind(element.parentElement));
      };
      const pale: string[] = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        const text = node.nodeValue?.trim() ?? '';
        if (!element || text === '' || !element.checkVisibility({ visibilityProperty: true })) continue;
        // The toolkit draws its own; what is disabled may be pale.
        if (element.closest('script, style, vscode-button, vscode-checkbox, [disabled]')) continue;
        const under = behind(element);
        const [one, other] = [
          luminance(over(parse(getComputedStyle(element).color), under)),
          luminance(under),
        ];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < least)
          pale.push(`${contrast.toFixed(2)} ${element.className || element.tagName}: ${text}`);
      }
      return pale;
    },
    { variable: `--vscode-${background}-background`, least: MIN_CONTRAST },
  );
}

/** What can be used and has no name in Chromium's accessibility tree. */
export async function nameless(frame: Frame): Promise<string[]> {
  const tree = await frame.locator('body').ariaSnapshot();
  const unnamed = new RegExp(`^\\s*- (?:${NAMED.join('|')})(?! ")\\b`);
  return tree.split('\n').filter((line) => unnamed.test(line));
}
