/**
 * The last line of defence for the log: values that must not stand in it, whoever wrote the line, in the forms
 * that tools give them. Whoever holds some adds where they are.
 */
import { SECRET_LEAST_BYTES } from '../protocol/limits.ts';
import { createRedactor } from './secrets/redactor.ts';
import type { Redactor } from './secrets/types.ts';

export class HiddenValues {
  readonly #sources: (() => readonly string[])[] = [];
  #made: { of: string; redactor: Redactor } = { of: '', redactor: createRedactor([]) };

  add(values: () => readonly string[]): void {
    this.#sources.push(values);
  }

  text(line: string): string {
    // A shorter one is in any text.
    const values = this.#sources.flatMap((of) => of()).filter((value) => value.length >= SECRET_LEAST_BYTES);
    const of = values.join('\n');
    if (of !== this.#made.of) {
      const redactor = createRedactor(values.map((value) => ({ name: 'of a forge', id: '', value })));
      this.#made = { of, redactor };
    }
    return this.#made.redactor.text(line);
  }
}
