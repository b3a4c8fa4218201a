/**
 * Makes an event fit its limit. Pure.
 *
 * Output is split into several events; any other text is cut, longest first, with a mark that says so,
 * and a `limit.reached` follows: never a silent cut.
 */
import type { NewEvent } from '../../protocol/events.ts';

/** What the envelope around the parameters takes at most. */
const ENVELOPE_BYTES = 512;
const MARK = '… [cut]';

export function fitEvents(events: readonly NewEvent[], maxBytes: number): NewEvent[] {
  return events.flatMap((event) => fit(event, maxBytes));
}

function fit(event: NewEvent, maxBytes: number): NewEvent[] {
  const room = maxBytes - ENVELOPE_BYTES;
  if (sizeOf(event.params) <= room) return [event];
  if (event.code === 'output') return splitOutput(event, room);
  const params = structuredClone(event.params) as Record<string, unknown>;
  while (sizeOf(params) > room) {
    const longest = longestPart(params);
    if (!longest) break;
    longest.cut();
  }
  const item = (params.item as { id?: string } | undefined)?.id;
  return [
    { ...event, params } as NewEvent,
    {
      code: 'limit.reached',
      ...(event.attempt === undefined ? {} : { attempt: event.attempt }),
      params: { limit: 'eventBytes', value: maxBytes, ...(item === undefined ? {} : { itemId: item }) },
    },
  ];
}

type OutputEvent = Extract<NewEvent, { code: 'output' }>;

function splitOutput(event: OutputEvent, room: number): OutputEvent[] {
  const { text, itemId } = event.params;
  const half = Math.floor(text.length / 2);
  // Never between the two halves of a surrogate pair.
  const at = /[\uD800-\uDBFF]/.test(text.charAt(half - 1)) ? half - 1 : half;
  if (at === 0) return [event];
  const parts = [text.slice(0, at), text.slice(at)];
  let offset = event.params.offset;
  const end = offset + (event.params.bytes ?? Buffer.byteLength(text));
  return parts.flatMap((part, index) => {
    // The last one reaches to where the whole did, however many bytes its text was made of.
    const bytes = index === parts.length - 1 ? end - offset : Buffer.byteLength(part);
    const piece = { ...event, params: { itemId, offset, text: part, bytes } };
    offset += bytes;
    return sizeOf(piece.params) <= room ? [piece] : splitOutput(piece, room);
  });
}

interface Part {
  size: number;
  cut: () => void;
}

/** The longest text or list anywhere inside, and how to halve it. */
function longestPart(of: object): Part | null {
  let longest: Part | null = null;
  const offer = (part: Part) => {
    if (!longest || part.size > longest.size) longest = part;
  };
  const visit = (holder: Record<string, unknown>) => {
    for (const [key, value] of Object.entries(holder)) {
      if (typeof value === 'string' && value.length > 2 * MARK.length) {
        offer({
          size: value.length,
          cut: () => {
            const kept = value.endsWith(MARK) ? value.slice(0, -MARK.length) : value;
            holder[key] = kept.slice(0, Math.floor(kept.length / 2)).toWellFormed() + MARK;
          },
        });
      } else if (Array.isArray(value) && value.length > 1 && sizeOf(value) > 4 * value.length) {
        offer({ size: sizeOf(value) / 2, cut: () => void value.splice(Math.ceil(value.length / 2)) });
      }
      if (typeof value === 'object' && value !== null) visit(value as Record<string, unknown>);
    }
  };
  visit(of as Record<string, unknown>);
  return longest;
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
