/**
 * A command: what was run, how it ended, how long it took; what it printed below, folded unless it
 * runs or failed. The output follows its tail only while the person is at its end.
 */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useState } from 'preact/hooks';
import { bytes, clock, duration } from '../format.ts';
import type { Line, Run, Style } from '../log/ansi.ts';
import { Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { EntryActions } from './actions.ts';
import type { CommandEntry } from './attempt.ts';
import { useNow } from './header.tsx';
import { memo } from './memo.ts';

/** Within this of its end, a list counts as being at its end. */
export const AT_END_PX = 12;
/** Lines are laid out in blocks of this many; a block out of sight costs nothing. */
const BLOCK_LINES = 50;

interface CommandProps {
  entry: CommandEntry;
  rev: number;
  /** No command came after it. */
  newest: boolean;
  actions: EntryActions;
}

export function CommandView({ entry, newest, actions }: CommandProps) {
  const { item } = entry;
  const running = item.end === undefined;
  const failed = item.end !== undefined && !(item.end === 'exited' && item.exitCode === 0);
  const [choice, setChoice] = useState(() => actions.folded(entry.id));
  // What was watched stays open until the next command starts: nothing folds under one's eyes.
  const watched = useRef(false);
  watched.current ||= running;
  // What was not allowed to run has nothing to show; what runs on beside others neither opens nor closes later.
  const opens = item.background ? newest : running || failed || (watched.current && newest);
  const closed = item.end === 'denied' || !opens;
  const folded = choice ?? closed;
  const empty = entry.log.lines.length === 0 && entry.dropped === 0;
  const now = useNow(running);
  const toggle = () => {
    setChoice(!folded);
    actions.setFolded(entry.id, !folded);
  };
  const command = item.command.trim();
  // Of a script, the first line that does something.
  const lines = command.split('\n');
  const first = lines.find((line) => item.by === undefined || /^\s*[^#\s]/.test(line)) ?? lines[0] ?? '';
  const bodyId = `output-${entry.id}`;
  const number = item.number === undefined ? '' : `[${item.number}] `;
  return (
    <section class={failed ? 'command failed' : 'command'} data-number={item.number}>
      <button
        type="button"
        class="head"
        aria-expanded={!folded}
        aria-controls={folded ? undefined : bodyId}
        title={item.command}
        onClick={toggle}
      >
        <Icon name={running ? 'sync' : folded ? 'chevron-right' : 'chevron-down'} spin={running} />
        {item.by && <span class="by">{item.by === 'setup' ? t('Setup') : t('Maintenance')}</span>}
        <span class="line">
          {number !== '' && <span class="number">{number}</span>}
          {first}
          {command.includes('\n') ? ' …' : ''}
        </span>
        <span class="end">
          {running ? (
            runningWords(item.background === true, clock(now - entry.startedAt))
          ) : (
            <>
              <Icon name={failed ? 'error' : 'pass'} label={failed ? t('failed') : t('succeeded')} />
              {endWords(entry)}
            </>
          )}
        </span>
      </button>
      {!folded && (
        <>
          {command.includes('\n') && <pre class="script">{command}</pre>}
          {!empty && <Output entry={entry} id={bodyId} openLog={actions.openLog} rev={entry.rev} />}
          {empty && !running && <p class="nothing">{t('No output')}</p>}
        </>
      )}
    </section>
  );
}

function runningWords(background: boolean, time: string): string {
  return background ? t('runs on · {time}', { time }) : t('running · {time}', { time });
}

function endWords({ item }: CommandEntry): string {
  const time = item.durationMs === undefined ? '' : ` · ${duration(item.durationMs)}`;
  switch (item.end) {
    case 'timedOut':
      return t('time limit') + time;
    case 'cancelled':
      return t('cancelled') + time;
    case 'interrupted':
      return t('interrupted') + time;
    case 'notStarted':
      return t('not started');
    case 'outOfMemory':
      return t('out of memory') + time;
    case 'denied':
      return t('not allowed');
    case 'exited':
    case 'signalled':
    case undefined:
      return `${item.exitCode ?? '–'}${time}`;
  }
}

function Output({
  entry,
  id,
  openLog,
}: {
  entry: CommandEntry;
  id: string;
  rev: number;
  openLog: () => void;
}) {
  const pane = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current && pane.current) pane.current.scrollTop = pane.current.scrollHeight;
  });
  useEffect(() => {
    const element = pane.current;
    if (!element) return;
    const note = () => {
      atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight <= AT_END_PX;
    };
    element.addEventListener('scroll', note, { passive: true });
    return () => element.removeEventListener('scroll', note);
  }, []);
  const blocks = blocksOf(entry.log.lines);
  const dropped = entry.item.droppedBytes ?? 0;
  return (
    <div class="output">
      {entry.dropped > 0 && (
        <p class="more">
          {entry.dropped === 1
            ? t('… 1 earlier line')
            : t('… {count} earlier lines', { count: entry.dropped })}
          {' · '}
          <a href="#" onClick={(event) => (event.preventDefault(), openLog())}>
            {t('open full log')}
          </a>
        </p>
      )}
      <div class="pane" id={id} ref={pane} tabIndex={0} role="region" aria-label={t('Output')}>
        {blocks.map((block) => (
          <Block key={block.index} lines={block.lines} stamp={block.stamp} />
        ))}
      </div>
      {dropped > 0 && <p class="more">{t('{size} more were not kept', { size: bytes(dropped) })}</p>}
    </div>
  );
}

interface BlockModel {
  index: number;
  lines: Line[];
  stamp: string;
}

/** Blocks begin at fixed line numbers, so that dropping the first lines leaves the others as they are. */
function blocksOf(lines: Line[]): BlockModel[] {
  const blocks: BlockModel[] = [];
  // What a program ends with is a line break, not one more line.
  const shown = lines.at(-1)?.chars === 0 ? lines.slice(0, -1) : lines;
  for (const line of shown) {
    const index = Math.floor(line.index / BLOCK_LINES);
    let block = blocks.at(-1);
    if (block?.index !== index) {
      block = { index, lines: [], stamp: '' };
      blocks.push(block);
    }
    block.lines.push(line);
  }
  for (const block of blocks) {
    const last = block.lines.at(-1);
    block.stamp = `${block.lines.length}/${last?.chars ?? 0}/${last?.runs.length ?? 0}/${last?.runs.at(-1)?.text ?? ''}`;
  }
  return blocks;
}

const Block = memo(
  function Block({ lines }: { lines: Line[]; stamp: string }) {
    return (
      <pre class="block" style={{ containIntrinsicHeight: `auto ${lines.length * 18}px` }}>
        {lines.map((line) => (
          <div key={line.index}>
            {line.runs.map(runView)}
            {line.cut && <span class="cut">…</span>}
            {line.chars === 0 && '\u200b'}
          </div>
        ))}
      </pre>
    );
  },
  (before, after) => before.stamp === after.stamp,
);

const COLORS = ['Black', 'Red', 'Green', 'Yellow', 'Blue', 'Magenta', 'Cyan', 'White'];

function color(value: string): string {
  if (value.startsWith('#')) return value;
  const index = Number(value);
  const name = COLORS[index % 8] ?? 'White';
  return `var(--vscode-terminal-ansi${index >= 8 ? 'Bright' : ''}${name})`;
}

function runView(run: Run, key: number) {
  if (!run.style) return run.text;
  return (
    <span key={key} style={css(run.style)}>
      {run.text}
    </span>
  );
}

function css(style: Style): Record<string, string> {
  const out: Record<string, string> = {};
  const fg = style.inverse ? (style.bg ?? 'inverse') : style.fg;
  const bg = style.inverse ? (style.fg ?? 'inverse') : style.bg;
  if (fg !== undefined) out['color'] = fg === 'inverse' ? 'var(--vscode-editor-background)' : color(fg);
  if (bg !== undefined)
    out['backgroundColor'] = bg === 'inverse' ? 'var(--vscode-editor-foreground)' : color(bg);
  if (style.bold) out['fontWeight'] = '600';
  if (style.dim) out['opacity'] = '0.7';
  if (style.italic) out['fontStyle'] = 'italic';
  const lines = [style.underline ? 'underline' : '', style.strike ? 'line-through' : ''].filter(Boolean);
  if (lines.length > 0) out['textDecoration'] = lines.join(' ');
  return out;
}
