/**
 * The texts that hunks are located in, opened once per file. What the patch was made from is taken from the
 * folder where that is it (or its result), else from the backend. No VS Code.
 */
import { applyFilePatch, isPostImage, reversed, type FilePatch } from '../../client/patch/index.ts';
import { openTextInSlices, type ReviewFile, type TextOutcome } from '../../client/review/index.ts';

/** Texts that stay opened, by the bytes of what they were made from: more are opened again when needed. */
const KEPT_BYTES = 64 * 1024 * 1024;
const NOTHING = new Uint8Array();

type Opened = { outcome: TextOutcome; bytes: number };

export class Texts {
  readonly #fetch: (oid: string) => Promise<Uint8Array>;
  readonly #kept = new Map<ReviewFile, Opened>();

  constructor(fetch: (oid: string) => Promise<Uint8Array>) {
    this.#fetch = fetch;
  }

  /** `here`: what stands in the folder; null when nothing does. */
  async open(file: ReviewFile, here: Uint8Array | null): Promise<TextOutcome> {
    const known = this.#kept.get(file);
    if (known) {
      this.#kept.delete(file);
      this.#kept.set(file, known);
      return known.outcome;
    }
    const part = file.parts[0]!;
    for (const base of basesOf(part, here)) {
      const outcome = await openTextInSlices(base, part, file.hunks);
      if (outcome.ok) return this.#keep(file, outcome);
    }
    if (part.oldId === null) return { ok: false, reason: 'contentChanged' };
    return this.#keep(file, await openTextInSlices(await this.#fetch(part.oldId), part, file.hunks));
  }

  #keep(file: ReviewFile, outcome: TextOutcome): TextOutcome {
    const bytes = outcome.ok ? outcome.text.base.bytes.length + outcome.text.target.bytes.length : 0;
    this.#kept.set(file, { outcome, bytes });
    let total = [...this.#kept.values()].reduce((sum, one) => sum + one.bytes, 0);
    for (const [other, one] of this.#kept) {
      if (total <= KEPT_BYTES || other === file) break;
      this.#kept.delete(other);
      total -= one.bytes;
    }
    return outcome;
  }
}

/** Without asking anyone: only what is proven by its id is taken. */
function basesOf(part: FilePatch, here: Uint8Array | null): Uint8Array[] {
  if (part.kind === 'added') return [NOTHING];
  if (here === null || part.newId === null) return [];
  if (!isPostImage(here, part)) return [here];
  const back = reversed({ ...part, kind: 'modified' });
  const before = back && applyFilePatch(here, back);
  return before?.ok ? [before.bytes] : [];
}
