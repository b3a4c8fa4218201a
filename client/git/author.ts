/** Who the person is, as git knows them in a folder: the author of what is made of their task. Reads only. */
import type { Author } from '../../protocol/pull-request.ts';
import { runGit } from './git.ts';

/** Null when git would have to make a name up. */
export async function authorOf(root: string): Promise<Author | null> {
  const { code, stdout } = await runGit(root, ['var', 'GIT_AUTHOR_IDENT'], {
    config: ['user.useConfigOnly=true'],
    okCodes: [0, 128],
  });
  return code === 0 ? readIdent(stdout.toString('utf8')) : null;
}

/** `Name <mail> seconds zone`. */
export function readIdent(ident: string): Author | null {
  const [, name = '', email = ''] = /^(.*?)\s*<([^<>]*)> \d+ [+-]\d{4}\s*$/.exec(ident) ?? [];
  return name === '' || email === '' ? null : { name: name.slice(0, 200), email: email.slice(0, 320) };
}
