/**
 * Which shell tool a model is offered. OpenAI documents `local_shell` for codex-mini-latest, and the `shell`
 * and `apply_patch` tools for GPT-5.1 and later; both are known to its own server alone. Everything else
 * takes a function. Pure.
 */
import type { ModelSettings, ShellVariant } from './model.ts';

const OWN_HOST = 'api.openai.com';

export function shellVariant({ name, shell, baseUrl, wire }: ModelSettings): ShellVariant {
  if (shell !== undefined) return shell;
  if (wire === 'chat') return 'function';
  if (name.startsWith('codex-mini')) return 'local_shell';
  return isOwnHost(baseUrl) && HAS_SHELL.test(name) ? 'shell' : 'function';
}

/** Not those that are made for talking. */
const HAS_SHELL = /^gpt-(5\.[1-9]|[6-9]|[1-9]\d)(?!.*chat)/;

function isOwnHost(baseUrl: string | undefined): boolean {
  return baseUrl === undefined || URL.parse(baseUrl)?.hostname === OWN_HOST;
}
