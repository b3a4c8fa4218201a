/**
 * Finds all patterns in a text in one pass, after Wu and Manber: a window slides over the text, and its
 * last two bytes say how far it can go on without missing anything; only where it can't, the patterns
 * that have these bytes there are compared.
 *
 * Every pattern has its anchors: windows of which one must stand in the text unbroken if the pattern does.
 * One that can be broken into lines has two, since a break falls into one of them at most.
 */
import { LINE_LEAST_BYTES, matchAt, NO_MATCH, UNDECIDED, walkBack, type Pattern } from './patterns.ts';

/** A longer window would hardly be faster, and would ask for longer lines. */
const WINDOW_MOST = LINE_LEAST_BYTES / 2;
const BLOCK = 2;
const BLOCKS = 1 << 16;
/** Comparisons of one look at a text's end; beyond it, more is held back than needs be. */
const TAIL_WORK_MOST = 100_000;

export interface Match {
  start: number;
  /** Of all matches of the pattern that go on over one another, the last one's. */
  end: number;
  /** Of the one that begins here. */
  ownEnd: number;
  secret: number;
}

export class Search {
  /** Bytes that the longest match can have. */
  readonly longest: number;
  readonly #patterns: readonly Pattern[];
  readonly #window: number;
  /** By block: how far the window may go on; 0 where an anchor may end. */
  readonly #shifts: Uint8Array;
  /** By block: where its anchors begin in the lists; the next block's beginning is their end. */
  readonly #firstOf: Int32Array;
  readonly #patternOf: Int32Array;
  /** How many of the pattern's bytes stand before the anchor. */
  readonly #offsetOf: Int32Array;
  /** 1: a pattern can begin with this byte, or with this block. */
  readonly #begins = new Uint8Array(256);
  readonly #beginsWith = new Uint8Array(BLOCKS);
  /** Those that can begin with a block. */
  readonly #beginningWith = new Map<number, Pattern[]>();

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    this.longest = patterns.reduce((most, { spanMost }) => Math.max(most, spanMost), 0);
    this.#window = patterns.reduce(
      (least, { core, wraps }) => Math.min(least, wraps ? core.length >> 1 : core.length),
      WINDOW_MOST,
    );
    const anchors = patterns.flatMap((pattern, index) =>
      anchorsOf(pattern, this.#window).map((at) => ({ pattern, index, at })),
    );
    this.#shifts = new Uint8Array(BLOCKS).fill(this.#window - BLOCK + 1);
    const counts = new Int32Array(BLOCKS + 1);
    const lastBlock = (core: Buffer, at: number) => blockAt(core, at + this.#window - 1);
    for (const { pattern, at } of anchors) {
      for (let end = BLOCK - 1; end < this.#window; end++) {
        const block = blockAt(pattern.core, at + end);
        this.#shifts[block] = Math.min(this.#shifts[block] ?? 0, this.#window - 1 - end);
      }
      const block = lastBlock(pattern.core, at) + 1;
      counts[block] = (counts[block] ?? 0) + 1;
    }
    for (let block = 0; block < BLOCKS; block++)
      counts[block + 1] = (counts[block + 1] ?? 0) + (counts[block] ?? 0);
    this.#firstOf = counts;
    this.#patternOf = new Int32Array(anchors.length);
    this.#offsetOf = new Int32Array(anchors.length);
    const next = counts.slice();
    for (const { pattern, index, at } of anchors) {
      const block = lastBlock(pattern.core, at);
      const place = next[block] ?? 0;
      next[block] = place + 1;
      this.#patternOf[place] = index;
      this.#offsetOf[place] = at + (pattern.before ? 1 : 0);
    }
    this.#learnBeginnings();
  }

  /** All of them, those too that lie in or over one another; by where they begin, longer ones first. */
  all(text: Uint8Array): Match[] {
    const matches: Match[] = [];
    const newest = new Map<number, Match>();
    this.#scan(text, (match, pattern) => {
      const before = newest.get(pattern);
      // A value of one letter, in a text of it: one match, not one for each byte.
      if (before && match.start >= before.start && match.start < before.end) {
        before.end = Math.max(before.end, match.end);
        return false;
      }
      matches.push(match);
      newest.set(pattern, match);
      return false;
    });
    return matches.sort((a, b) => a.start - b.start || b.ownEnd - a.ownEnd || a.secret - b.secret);
  }

  first(text: Uint8Array): Match | null {
    let found: Match | null = null;
    this.#scan(text, (match) => {
      found = match;
      return true;
    });
    return found;
  }

  /** Where the first match could begin that the end of the text cuts off; the text's length when none. */
  undecidedFrom(text: Uint8Array): number {
    const end = text.length;
    let work = TAIL_WORK_MOST;
    for (let at = Math.max(0, end - this.longest + 1); at < end - 1; at++) {
      const block = ((text[at] as number) << 8) | (text[at + 1] as number);
      if (this.#beginsWith[block] === 0) continue;
      for (const pattern of this.#beginningWith.get(block) ?? []) {
        if (work <= 0 || matchAt(pattern, text, at) === UNDECIDED) return at;
        work -= 1 + Math.min(pattern.length, end - at) / 8;
      }
    }
    return end > 0 && this.#begins[text[end - 1] ?? 0] === 1 ? end - 1 : end;
  }

  /** `stop` says whether a match was enough. The same match may come more than once. */
  #scan(text: Uint8Array, stop: (match: Match, pattern: number) => boolean): void {
    const shifts = this.#shifts;
    const window = this.#window;
    const end = text.length;
    let at = window - 1;
    while (at < end) {
      const block = ((text[at - 1] as number) << 8) | (text[at] as number);
      const shift = shifts[block] as number;
      if (shift !== 0) {
        at += shift;
        continue;
      }
      const last = this.#firstOf[block + 1] ?? 0;
      for (let anchor = this.#firstOf[block] ?? 0; anchor < last; anchor++) {
        const match = this.#compare(text, at - window + 1, anchor);
        if (match && stop(match, this.#patternOf[anchor] ?? 0)) return;
      }
      at++;
    }
  }

  #compare(text: Uint8Array, at: number, anchor: number): Match | null {
    const pattern = this.#patterns[this.#patternOf[anchor] ?? 0];
    if (!pattern) return null;
    const offset = this.#offsetOf[anchor] ?? 0;
    // The anchor's own first byte: most false alarms end here.
    if (pattern.core[offset - (pattern.before ? 1 : 0)] !== text[at]) return null;
    const start = walkBack(pattern, text, at, offset);
    if (start < 0) return null;
    const end = matchAt(pattern, text, start);
    return end === NO_MATCH || end === UNDECIDED ? null : { start, end, ownEnd: end, secret: pattern.secret };
  }

  #learnBeginnings(): void {
    const gaps = [...'\r\n\\'].map((mark) => mark.charCodeAt(0));
    for (const pattern of this.#patterns) {
      const { core, before, wraps } = pattern;
      const firsts = before ? [...before.keys()].filter((byte) => before[byte] === 1) : [core[0] ?? 0];
      const seconds = [(before ? core[0] : core[1]) ?? 0, ...(wraps ? gaps : [])];
      for (const first of firsts) {
        this.#begins[first] = 1;
        for (const second of seconds) {
          const block = (first << 8) | second;
          this.#beginsWith[block] = 1;
          const there = this.#beginningWith.get(block);
          if (there) there.push(pattern);
          else this.#beginningWith.set(block, [pattern]);
        }
      }
    }
  }
}

const blockAt = (bytes: Uint8Array, at: number): number => ((bytes[at - 1] ?? 0) << 8) | (bytes[at] ?? 0);

/** From the middle: beginnings and ends are what values of one kind have in common. */
function anchorsOf({ core, wraps }: Pattern, window: number): number[] {
  if (!wraps) return [(core.length - window) >> 1];
  const first = (core.length - 2 * window) >> 1;
  return [first, first + window];
}
