/**
 * A diagram in mermaid's language. The library is large and lies in a file of its own beside the page,
 * which is loaded with the first diagram. What it draws is shown as a picture: nothing in it can run, load
 * or reach the page. What can't be drawn is shown as it was written.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import { onTheme } from './theme.ts';

/** While a text is being written, its diagram is drawn when nothing has come for this long. */
const SETTLED_MS = 250;
/** A diagram with more is no picture that a person reads, and takes seconds to lay out. */
const MAX_CHARS = 20_000;

/** What the file of the library leaves in the window. */
export interface DiagramLibrary {
  /** The text of an SVG; rejects when it is no diagram. */
  draw(source: string): Promise<string>;
}

declare global {
  interface Window {
    codexDiagrams?: DiagramLibrary;
  }
}

/** The page's own script: the library lies beside it, and may run by the same word of the policy. */
const own = document.currentScript as HTMLScriptElement | null;
let library: Promise<DiagramLibrary> | null = null;

function load(): Promise<DiagramLibrary> {
  library ??= new Promise((resolve, reject) => {
    if (!own?.src) return reject(new Error('The page has no address.'));
    const script = document.createElement('script');
    script.nonce = own.nonce;
    script.src = new URL('diagrams.js', own.src).href;
    script.onload = () => (window.codexDiagrams ? resolve(window.codexDiagrams) : reject(new Error('empty')));
    script.onerror = () => reject(new Error('not there'));
    document.head.append(script);
  });
  // Another diagram may try again.
  library.catch(() => (library = null));
  return library;
}

type State = { kind: 'waiting' } | { kind: 'drawn'; src: string; width: number } | { kind: 'failed' };

export function Diagram({ source }: { source: string }) {
  const [state, setState] = useState<State>({ kind: 'waiting' });
  const [asText, setAsText] = useState(false);
  const newest = useRef(0);
  useEffect(() => {
    const draw = () => {
      const turn = ++newest.current;
      const put = (next: State) => {
        if (turn === newest.current) setState(next);
      };
      if (source.length > MAX_CHARS) return put({ kind: 'failed' });
      load()
        .then((drawer) => drawer.draw(source))
        .then(
          (svg) => put({ kind: 'drawn', ...pictureOf(svg) }),
          () => put({ kind: 'failed' }),
        );
    };
    const timer = setTimeout(draw, SETTLED_MS);
    const stop = onTheme(draw);
    return () => {
      clearTimeout(timer);
      stop();
      newest.current++;
    };
  }, [source]);

  if (state.kind === 'drawn' && !asText) {
    return (
      <figure class="diagram">
        <img src={state.src} width={state.width} alt={t('Diagram: {source}', { source })} />
        <button type="button" class="text-button" onClick={() => setAsText(true)}>
          {t('Show as text')}
        </button>
      </figure>
    );
  }
  return (
    <figure class="diagram">
      <pre tabIndex={0}>
        <code>{source}</code>
      </pre>
      {state.kind === 'failed' && (
        <figcaption>
          <Icon name="info" />
          {t('This diagram could not be drawn; it is shown as it was written.')}
        </figcaption>
      )}
      {state.kind === 'drawn' && (
        <button type="button" class="text-button" onClick={() => setAsText(false)}>
          {t('Show as diagram')}
        </button>
      )}
    </figure>
  );
}

/** As wide as it was laid out; a smaller page makes it smaller. */
function pictureOf(svg: string): { src: string; width: number } {
  const box = /viewBox="[-\d.]+ [-\d.]+ ([\d.]+) [\d.]+"/.exec(svg);
  const src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  return { src, width: Math.ceil(Number(box?.[1] ?? 600)) };
}
