/**
 * A patch as one command that a person can paste into a shell. Text goes as it is; what a terminal or
 * a here-document would change (a carriage return, a NUL, a control character, bytes of no UTF-8) makes
 * the whole patch base64. `git apply` outside of the top folder succeeds and does nothing, so it is
 * started there, and no setting of the person's may touch white space on the way.
 */

/** Longer, and it is no longer something to paste: the patch as a file is better. */
export const MAX_COMMAND_BYTES = 256 * 1024;

const APPLY = 'git apply --whitespace=nowarn -';
const BASE64_LINE = 76;

export function asCommand(patch: Uint8Array): string {
  const bytes = Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength);
  const text = bytes.toString('utf8');
  const plain = survives(text) && Buffer.from(text, 'utf8').equals(bytes);
  const body = plain ? text : inLines(bytes.toString('base64'));
  const word = delimiterFor(body);
  const command = plain ? `${APPLY} <<'${word}'` : `base64 -d <<'${word}' | ${APPLY}`;
  return `(cd "$(git rev-parse --show-toplevel)" && ${command}\n${body}${word}\n)\n`;
}

function survives(text: string): boolean {
  return (
    text.endsWith('\n') && !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(text)
  );
}

function inLines(base64: string): string {
  return base64.replace(new RegExp(`.{1,${BASE64_LINE}}`, 'g'), '$&\n');
}

/** A line that the body does not have. */
function delimiterFor(body: string): string {
  const lines = new Set(body.split('\n'));
  for (let count = 0; ; count++) {
    const word = count === 0 ? 'PATCH' : `PATCH${count}`;
    if (!lines.has(word)) return word;
  }
}
