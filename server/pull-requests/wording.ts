/**
 * What is written with a pull request: its title, messages of commits. Pure. It is text for a forge, in
 * English as the model's is, not for our own pages.
 */
import { AGENT, proposedTitle, type Author } from '../../protocol/pull-request.ts';
import type { Said } from '../../protocol/pull-text.ts';
import { withoutCrud } from '../repos/clean-text.ts';

const CO_AUTHOR = `${AGENT.name} <${AGENT.email}>`;

export function titleOfPull({ title, report }: Said): string {
  return proposedTitle(report?.proposal?.title ?? title);
}

/** Subject and trailers; the text is in the pull request. */
export function commitMessage(title: string, author: Author): string {
  const subject = title.replace(/[\s\0]+/g, ' ').trim();
  return `${subject}\n\nSigned-off-by: ${author.name} <${author.email}>\nCo-authored-by: ${CO_AUTHOR}\n`;
}

/** As git takes a name: nothing that ends a line or begins an address. Who signs off is who the commit is by. */
export function cleanAuthor({ name, email }: Author): Author {
  const clean = (text: string) => withoutCrud(text.replace(/[\x00-\x20\x7f<>]+/g, ' '));
  return {
    name: clean(name) || 'Codex Tasks',
    email: clean(email).replace(/\s+/g, '') || AGENT.email,
  };
}

/** The person's, where the request does not say: whoever the token is. */
export function authorOf(
  who: { account: string; login: string; name?: string; email?: string },
  host: string,
): Author {
  return cleanAuthor({
    name: who.name ?? who.account,
    email: who.email ?? `${who.login}@users.noreply.${host.replace(/:\d+$/, '')}`,
  });
}
