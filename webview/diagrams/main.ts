/**
 * The library that draws diagrams, as a file of its own: a page loads it with the first diagram that it
 * shows. It computes an SVG in a corner of the page and takes it away again; the page shows the text of it
 * as a picture. Math and the layout “elk” are left out: they are as large as all the rest.
 */
import mermaid from 'mermaid';
import { isDark, themeColor } from '../markdown/theme.ts';

const FIXED = [
  ...['secure', 'securityLevel', 'startOnLoad', 'suppressErrorRendering', 'maxTextSize', 'maxEdges'],
  ...['layout', 'htmlLabels', 'theme', 'themeCSS', 'themeVariables', 'fontFamily', 'altFontFamily'],
] as const;

/** As the text of the page. */
const FONT_PX = 13;

let counter = 0;
/** One after the other: the library has one configuration at a time. */
let last: Promise<unknown> = Promise.resolve();

window.codexDiagrams = {
  draw: (source) => {
    const drawn = last.then(() => draw(source));
    last = drawn.catch(() => undefined);
    return drawn;
  },
};

async function draw(source: string): Promise<string> {
  mermaid.initialize(settings());
  const corner = document.createElement('div');
  corner.style.cssText = 'position:absolute;left:-10000px;top:0;width:1000px;visibility:hidden';
  corner.setAttribute('aria-hidden', 'true');
  document.body.append(corner);
  try {
    const { svg } = await mermaid.render(`diagram-${counter++}`, source, corner);
    return asDocument(svg);
  } finally {
    corner.remove();
  }
}

/** What was made for a page, as an SVG document that stands by itself. */
function asDocument(svg: string): string {
  const parsed = new DOMParser().parseFromString(svg, 'text/html').querySelector('svg');
  if (!parsed) throw new Error('nothing was drawn');
  const box = parsed.viewBox.baseVal;
  if (box && box.width > 0) {
    parsed.setAttribute('width', String(Math.ceil(box.width)));
    parsed.setAttribute('height', String(Math.ceil(box.height)));
    parsed.style.maxWidth = '';
  }
  return new XMLSerializer().serializeToString(parsed);
}

function settings(): Parameters<typeof mermaid.initialize>[0] {
  const style = getComputedStyle(document.documentElement);
  const text = themeColor('--vscode-foreground');
  const background = themeColor('--vscode-editor-background');
  const line = themeColor('--vscode-contrastBorder', '--vscode-descriptionForeground');
  const node = themeColor('--vscode-textCodeBlock-background', '--vscode-editor-background');
  const group = themeColor('--vscode-editorWidget-background', '--vscode-editor-background');
  return {
    startOnLoad: false,
    securityLevel: 'strict',
    suppressErrorRendering: true,
    layout: 'dagre',
    // What a diagram's own text can't change.
    secure: [...FIXED],
    theme: 'base',
    // Labels as text of the SVG: a picture lays no HTML out.
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    sequence: {
      mirrorActors: false,
      actorFontSize: FONT_PX,
      messageFontSize: FONT_PX,
      noteFontSize: FONT_PX,
    },
    fontSize: FONT_PX,
    themeCSS: `* { filter: none !important; } .edgeLabel rect { fill: ${background}; opacity: 1; }`,
    fontFamily: style.getPropertyValue('--vscode-font-family').trim() || 'sans-serif',
    themeVariables: {
      darkMode: isDark(),
      background,
      fontSize: `${FONT_PX}px`,
      primaryColor: node,
      primaryTextColor: text,
      primaryBorderColor: line,
      secondaryColor: group,
      secondaryTextColor: text,
      secondaryBorderColor: line,
      tertiaryColor: group,
      tertiaryTextColor: text,
      tertiaryBorderColor: line,
      lineColor: line,
      textColor: text,
      noteBkgColor: group,
      noteTextColor: text,
      noteBorderColor: line,
      edgeLabelBackground: background,
    },
  };
}
