/** Beyond it a line is more likely dead than alive, and nobody would be told. */
export const WEBSOCKET_KEEP_MS = 3 * 60_000;
const MAX_KEPT_LINES = 16;

export interface KeptLine {
  readonly isOpen: boolean;
  readonly keptSince: number;
  keep(onGone: () => void): void;
  taken(): void;
  close(): void;
}

/** The lines that wait for their conversation's next request. */
export class KeptLines<Line extends KeptLine> {
  readonly #lines: { key: string; line: Line; timer: NodeJS.Timeout }[] = [];

  take(key: string): Line | null {
    const found = this.#lines.find((kept) => kept.key === key);
    if (found === undefined) return null;
    this.#drop(found.line);
    found.line.taken();
    if (found.line.isOpen && Date.now() - found.line.keptSince < WEBSOCKET_KEEP_MS) return found.line;
    found.line.close();
    return null;
  }

  keep(key: string, line: Line): void {
    const timer = setTimeout(() => this.#end(line), WEBSOCKET_KEEP_MS);
    timer.unref();
    this.#lines.push({ key, line, timer });
    line.keep(() => this.#end(line));
    const [oldest] = this.#lines;
    if (this.#lines.length > MAX_KEPT_LINES && oldest !== undefined) this.#end(oldest.line);
  }

  #end(line: Line): void {
    this.#drop(line);
    line.close();
  }

  #drop(line: Line): void {
    const at = this.#lines.findIndex((kept) => kept.line === line);
    if (at < 0) return;
    clearTimeout(this.#lines[at]?.timer);
    this.#lines.splice(at, 1);
  }
}
