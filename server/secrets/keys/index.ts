/** Which keys hold: those that the owner gave, else the backend's own in its data folder. */
import { CodexError } from '../../../protocol/errors.ts';
import { dataFolderKeys, keyringPath, keysOfFile } from './key-file.ts';
import { givenKeys, parseKeys } from './keyring.ts';
import type { KeyService } from './service.ts';

export type { KeyService } from './service.ts';

export const KEYS_VARIABLE = 'CODEX_SECRETS_KEY';
export const KEY_FILE_VARIABLE = 'CODEX_SECRETS_KEY_FILE';

/** Nothing: a keyring in the data folder. */
export interface KeySettings {
  /** As `parseKeys` reads it; it wins over a file. */
  keys?: string;
  keyFile?: string;
}

/** Throws `CodexError` secretKeyMissing when keys were given that can't be used. */
export async function openKeys(settings: KeySettings, dataDir: string): Promise<KeyService> {
  if (settings.keys !== undefined) {
    const parsed = parseKeys(settings.keys);
    if ('problem' in parsed)
      throw new CodexError('secretKeyMissing', { reason: `${KEYS_VARIABLE}: ${parsed.problem}.` });
    return givenKeys(parsed.keys);
  }
  return settings.keyFile === undefined ? dataFolderKeys(dataDir) : keysOfFile(settings.keyFile);
}

/** For a person: where the keys are. */
export function keySource(settings: KeySettings, dataDir: string): string {
  if (settings.keys !== undefined) return KEYS_VARIABLE;
  return settings.keyFile ?? keyringPath(dataDir);
}
