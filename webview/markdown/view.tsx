/** Parsed Markdown on the page. Text only ever becomes text nodes. */
import { h, type ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { t } from '../words.ts';
import { Diagram } from './diagram.tsx';
import { parseMarkdown, REPORT_FENCE, type Block, type Inline, type Place } from './parse.ts';

export interface MarkdownActions {
  openLink(href: string): void;
  openFile(place: Place): void;
  /** Brings what the command of this number printed into sight. */
  showCommand(number: number): void;
}

export function Markdown({ text, actions }: { text: string; actions: MarkdownActions }) {
  const blocks = useMemo(() => parseMarkdown(text), [text]);
  return <div class="markdown">{blocks.map((block, at) => blockView(block, at, actions))}</div>;
}

function blockView(block: Block, key: number, actions: MarkdownActions): ComponentChildren {
  switch (block.kind) {
    case 'paragraph':
      return <p key={key}>{inlineViews(block.children, actions)}</p>;
    case 'heading':
      return h(`h${Math.min(block.level + 1, 6)}`, { key }, inlineViews(block.children, actions));
    case 'code':
      // What it says is shown in its own form once the answer is whole.
      if (block.language === REPORT_FENCE) return null;
      return block.language === 'mermaid' ? (
        <Diagram key={key} source={block.text} />
      ) : (
        <pre key={key} tabIndex={0}>
          <code>{block.text}</code>
        </pre>
      );
    case 'quote':
      return (
        <blockquote key={key}>{block.blocks.map((inner, at) => blockView(inner, at, actions))}</blockquote>
      );
    case 'list': {
      const items = block.items.map((item, at) => (
        <li key={at} class={item.done === undefined ? '' : 'check'}>
          {item.done !== undefined && (
            <i class={`codicon codicon-${item.done ? 'pass' : 'circle-large'}`} aria-hidden="true" />
          )}
          {tight(item.blocks, actions)}
        </li>
      ));
      return block.ordered ? (
        <ol key={key} start={block.start}>
          {items}
        </ol>
      ) : (
        <ul key={key}>{items}</ul>
      );
    }
    case 'table':
      return (
        <div key={key} class="table">
          <table>
            <thead>
              <tr>
                {block.head.map((cell, at) => (
                  <th key={at}>{inlineViews(cell, actions)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row, at) => (
                <tr key={at}>
                  {row.map((cell, column) => (
                    <td key={column}>{inlineViews(cell, actions)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case 'rule':
      return <hr key={key} />;
  }
}

/** An item of one paragraph stands without the paragraph's margins. */
function tight(blocks: Block[], actions: MarkdownActions): ComponentChildren {
  return blocks.map((block, at) =>
    block.kind === 'paragraph' ? (
      <span key={at}>{inlineViews(block.children, actions)}</span>
    ) : (
      blockView(block, at, actions)
    ),
  );
}

function inlineViews(parts: Inline[], actions: MarkdownActions): ComponentChildren {
  return parts.map((part, key) => {
    switch (part.kind) {
      case 'text':
        return part.text;
      case 'code':
        return <code key={key}>{part.text}</code>;
      case 'strong':
        return <strong key={key}>{inlineViews(part.children, actions)}</strong>;
      case 'em':
        return <em key={key}>{inlineViews(part.children, actions)}</em>;
      case 'strike':
        return <s key={key}>{inlineViews(part.children, actions)}</s>;
      case 'break':
        return <br key={key} />;
      case 'link':
        return (
          <a
            key={key}
            href={part.href}
            title={part.href}
            onClick={(event) => {
              event.preventDefault();
              actions.openLink(part.href);
            }}
          >
            {inlineViews(part.children, actions)}
          </a>
        );
      case 'file':
        return (
          <a
            key={key}
            href="#"
            class={part.code ? 'file code' : 'file'}
            title={placeTitle(part)}
            onClick={(event) => {
              event.preventDefault();
              actions.openFile(placeOf(part));
            }}
          >
            {part.label}
          </a>
        );
      case 'command':
        return (
          <a
            key={key}
            href="#"
            class="file"
            title={t('What command {number} printed', { number: part.number })}
            onClick={(event) => {
              event.preventDefault();
              actions.showCommand(part.number);
            }}
          >
            {t('[command {number}]', { number: part.number })}
          </a>
        );
    }
  });
}

function placeOf({ path, line, endLine }: Place): Place {
  return {
    path,
    ...(line === undefined ? {} : { line }),
    ...(endLine === undefined ? {} : { endLine }),
  };
}

export function placeTitle({ path, line, endLine }: Place): string {
  if (line === undefined) return path;
  return endLine === undefined ? `${path}:${line}` : `${path}:${line}-${endLine}`;
}
