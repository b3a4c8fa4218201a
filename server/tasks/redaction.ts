/**
 * Secrets taken out of everything that a turn writes: events and history as data, text that is being
 * written as a stream of its own per item, since a secret may lie across two pieces.
 */
import type { NewEvent } from '../../protocol/events.ts';
import type { Redactor, RedactStream } from '../secrets/types.ts';

/** Nothing is redacted until the turn's secrets are known. */
export class Redaction {
  #redactor: Redactor | null = null;
  readonly #streams = new Map<string, { redact: RedactStream; decoder: TextDecoder }>();

  use(redactor: Redactor): void {
    this.#redactor = redactor.isEmpty ? null : redactor;
    this.#streams.clear();
  }

  events(events: readonly NewEvent[]): readonly NewEvent[] {
    const redactor = this.#redactor;
    if (!redactor) return events;
    for (const event of events) {
      if (event.code === 'item.completed') this.#streams.delete(keyOf(event.attempt, event.params.item.id));
    }
    return events.map((event) => ({ ...event, params: redactor.json(event.params) }) as NewEvent);
  }

  value<T>(value: T): T {
    return this.#redactor ? this.#redactor.json(value) : value;
  }

  /** The next piece of an item; what could be the beginning of a secret comes with the piece after it. */
  piece(attempt: number | undefined, itemId: string, text: string): string {
    if (!this.#redactor) return text;
    const key = keyOf(attempt, itemId);
    let stream = this.#streams.get(key);
    if (!stream) {
      stream = { redact: this.#redactor.stream(), decoder: new TextDecoder() };
      this.#streams.set(key, stream);
    }
    return stream.decoder.decode(stream.redact.push(Buffer.from(text)).bytes, { stream: true });
  }
}

function keyOf(attempt: number | undefined, itemId: string): string {
  return `${attempt ?? 0} ${itemId}`;
}
