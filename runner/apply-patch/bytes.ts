/** Bytes in a string (`latin1`), as names and contents are handled here, and what a person reads of them. */

export function toBytes(value: string | Buffer): string {
  return (typeof value === 'string' ? Buffer.from(value) : value).toString('latin1');
}

export function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
