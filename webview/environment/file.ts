/**
 * What the repository's environment file says, as far as it can be read: shown as what holds where the
 * environment itself sets nothing. The backend reads the file of a task's own commit and says what is
 * wrong with it; here a field that can't be read is passed over. Pure.
 */
import { parse } from 'yaml';
import { RepositorySettings } from '../../protocol/environment.ts';

/** A file of this kind is small; more is a mistake. */
const MAX_CHARS = 512 * 1024;

export function readEnvironmentFile(text: string): RepositorySettings {
  const settings: Record<string, unknown> = {};
  let content: unknown;
  try {
    content = text.length > MAX_CHARS ? null : parse(text, { maxAliasCount: 0 });
  } catch {
    return {};
  }
  if (typeof content !== 'object' || content === null) return {};
  for (const [name, schema] of Object.entries(RepositorySettings.shape)) {
    const value = (content as Record<string, unknown>)[name];
    // Versions such as 22 or 3.12 are numbers to YAML.
    const given = name === 'versions' ? textsOf(value) : value;
    const parsed = schema.safeParse(given ?? undefined);
    if (parsed.success && parsed.data !== undefined) settings[name] = parsed.data;
  }
  return settings;
}

function textsOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, typeof one === 'number' ? String(one) : one]),
  );
}
