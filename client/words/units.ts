/** Numbers with their unit. */

/** `900 ms`, `1.5 s`, `2 min 5 s`, `1 h 3 min` */
export function durationWords(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `512 bytes`, `1.5 KiB`, `64 MiB` */
export function bytesWords(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`;
  let value = bytes;
  let unit = '';
  for (unit of ['KiB', 'MiB', 'GiB', 'TiB']) {
    value /= 1_024;
    if (value < 1_023.95) break;
  }
  return `${Number(value.toFixed(1))} ${unit}`;
}
