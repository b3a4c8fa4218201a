/**
 * Why a forge refused a push, for the person who asked for it. Pure. That it refused is known from git's report; here
 * only its own words are chosen from, and GitHub's codes (GH001, GH006, GH013) looked at, which do not change with
 * the language.
 */
export interface Refusal {
  /** Of the report: a few words. */
  reason: string;
  /** What the forge printed, cleaned. */
  said: string;
}

/** A person reads this; what a hook prints may be a page. */
const REASON_CHARS = 500;

const TOO_LARGE = /^File (.+) is [\d.]+ [KMG]B; this exceeds /;
const CODE = /^GH\d{3}: /;
/** A branch's protection, and a repository's rules. */
const PROTECTED = /^GH(?:006|013): /;
/** A secret that was found is no rule of the branch's: another name would not help. */
const SECRETS = /^[-\s]*GITHUB PUSH PROTECTION\b/;
/** A rule under a mark, as GitHub lists them. */
const MARK = /^[-—–*]+\s*/;

export function reasonOf({ reason, said }: Refusal): { reason: string; path?: string; isProtected: boolean } {
  const lines = said
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replace(/^(?:remote: )?(?:(?:error|fatal): )?/, '')
        .trim(),
    )
    .filter((line) => /[\p{L}\p{N}]/u.test(line));
  const path = lines.map((line) => TOO_LARGE.exec(line)?.[1]).find((one) => one !== undefined);
  const isProtected = lines.some((line) => PROTECTED.test(line)) && !lines.some((line) => SECRETS.test(line));
  const told = lines.map((line) => line.replace(CODE, '').replace(MARK, '')).join(' ');
  return {
    // What has a code of GitHub's is a whole explanation; other words may be any server's greeting.
    reason: shortened(
      told === '' ? reason : lines.some((line) => CODE.test(line)) ? told : `${reason}: ${told}`,
    ),
    ...(path === undefined ? {} : { path }),
    isProtected,
  };
}

function shortened(text: string): string {
  return text.length <= REASON_CHARS ? text : `${text.slice(0, REASON_CHARS - 1)}…`;
}
