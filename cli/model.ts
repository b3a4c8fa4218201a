/** The real model, as the environment names it. */
import type { ModelSettings } from '../server/model/model.ts';

/** What a person gets who names none. */
export const DEFAULT_MODEL = 'gpt-5-codex';

/** Null without a key. `OPENAI_BASE_URL` may name any server that speaks the Responses API. */
export function modelSettings(env: NodeJS.ProcessEnv, apiKey = env['OPENAI_API_KEY']): ModelSettings | null {
  if (!apiKey) return null;
  const baseUrl = env['OPENAI_BASE_URL'];
  const organization = env['OPENAI_ORGANIZATION'] ?? env['OPENAI_ORG_ID'];
  return {
    name: env['CODEX_MODEL'] || DEFAULT_MODEL,
    apiKey,
    ...(baseUrl ? { baseUrl } : {}),
    ...(organization ? { organization } : {}),
  };
}
