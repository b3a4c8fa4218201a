/** Whether what happens at a forge comes to the backend, and what a person has to do for it. */
import { CodexError } from '../../protocol/errors.ts';
import type { ForgeView } from '../../protocol/forge.ts';
import { english, type Translate } from './template.ts';

/** Why no comment there would be heard; null: nothing that the backend knows of. */
export function webhookProblem({ host, webhook }: Pick<ForgeView, 'host' | 'webhook'>): CodexError | null {
  if (webhook === undefined) return new CodexError('forgeWebhookUnknown', { host });
  return webhook.signed ? null : new CodexError('forgeWebhookUnsigned', { host });
}

/** Where a forge sends its webhooks, and who has to see to it. */
export function webhookWords(
  { host, how, from, webhook }: Pick<ForgeView, 'host' | 'how' | 'from' | 'webhook'>,
  t: Translate = english,
): string {
  const url = webhook?.url;
  if (url === undefined)
    return t(
      'The backend has no address for others: until publicUrl is set in its config.yaml and it was started again, {host} can’t send it webhooks.',
      { host },
    );
  if (how === 'app' && from === 'client') return t('The app sends its webhooks to {url}', { url });
  return t(
    '{host} needs a webhook, as application/json, with the webhookSecret of the backend’s config.yaml, for issue comments and pull request review comments: {url}',
    { host, url },
  );
}
