/**
 * What GitHub refuses of a push, in its words: protected branches (GH006), rule sets (GH013), large files
 * (GH001), workflow files by a token that may not change them.
 *
 * Git runs a shell script that is told by variables what holds for this push. The one line of a push's report
 * that git words itself (`pre-receive hook declined`) is put into GitHub's words by `git-http.ts`, with what
 * the script leaves in the file `STANDIN_REASON`.
 */
import { authorize, grants, type Caller } from './access.ts';
import { Refusal } from './answer.ts';
import { fullName, type Repo, type World } from './state.ts';

export const PRE_RECEIVE = `#!/bin/sh
refuse() { printf '%s' "$1" >"$STANDIN_REASON"; exit 1; }
while read -r old new ref; do
  n=0
  while [ "$n" -lt "$STANDIN_DENIED" ]; do
    eval "pattern=\\$STANDIN_DENIED_REF_$n text=\\$STANDIN_DENIED_TEXT_$n reason=\\$STANDIN_DENIED_REASON_$n"
    case $ref in $pattern) printf 'error: %s\\n' "$text" | sed "s|REF|$ref|g" >&2; refuse "$reason" ;; esac
    n=$((n + 1))
  done
  case $new in *[!0]*) ;; *) continue ;; esac
  git rev-list --objects "$new" --not --all |
    git cat-file --batch-check='%(objecttype) %(objectsize) %(rest)' |
    awk -v most="$STANDIN_FILE_BYTES" '
      function mb(size) { return sprintf("%.2f MB", size / 1048576) }
      $1 == "blob" && $2 > most {
        size = $2; sub(/^blob [0-9]+ /, "")
        print "error: File " $0 " is " mb(size) "; this exceeds GitHub\\047s file size limit of " mb(most); found = 1
      }
      END { exit found }' >&2 || {
      echo 'error: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com.' >&2
      refuse 'pre-receive hook declined'
    }
  if [ -n "$STANDIN_WORKFLOWS" ]; then
    file=$(git log --format= --name-only "$new" --not --all -- .github/workflows | head -n 1)
    [ -z "$file" ] || refuse "$(printf "$STANDIN_WORKFLOWS" "$file")"
  fi
done
`;

/** The variables of that script. Throws when the caller may not push here at all. */
export function pushRules(
  world: World,
  repo: Repo,
  caller: Caller,
  reasonFile: string,
): Record<string, string> {
  mayPush(repo, caller);
  const denied = [...repo.protection].flatMap(([branch, { how, because }], n) => {
    const lines = because.split('\n').map((line) => `- ${line}`);
    const text =
      how === 'protected'
        ? ['GH006: Protected branch update failed for REF.', '', ...lines]
        : [
            'GH013: Repository rule violations found for REF.',
            `Review all repository rules at ${world.url}/${fullName(repo)}/rules?ref=REF`,
            '',
            ...lines,
            '',
          ];
    return [
      [`STANDIN_DENIED_REF_${n}`, `refs/heads/${branch}`],
      [`STANDIN_DENIED_TEXT_${n}`, text.join('\n')],
      [
        `STANDIN_DENIED_REASON_${n}`,
        how === 'protected'
          ? 'protected branch hook declined'
          : 'push declined due to repository rule violations',
      ],
    ];
  });
  return {
    ...Object.fromEntries(denied),
    STANDIN_DENIED: String(repo.protection.size),
    STANDIN_FILE_BYTES: String(world.limits.fileBytes),
    STANDIN_WORKFLOWS: workflowsRefusal(repo, caller),
    STANDIN_REASON: reasonFile,
  };
}

function mayPush(repo: Repo, caller: Caller): void {
  if (caller.kind !== 'token') throw new Refusal(401, 'Repository not found.');
  const { token } = caller;
  try {
    authorize(caller, repo, [{ permission: 'contents', level: 'write' }]);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    if (thrown.answer.status === 404) throw new Refusal(404, 'Repository not found.');
    if (repo.archived) throw new Refusal(403, 'This repository was archived so it is read-only.');
    throw new Refusal(
      403,
      token.kind === 'classic'
        ? `Permission to ${fullName(repo)}.git denied to ${token.account.login}.`
        : 'Write access to repository not granted.',
    );
  }
}

/** Empty: it may change workflow files. */
function workflowsRefusal(repo: Repo, caller: Caller): string {
  if (caller.kind !== 'token') return '';
  const { token } = caller;
  const refusal = (by: string, without: string) =>
    `refusing to allow a ${by} to create or update workflow \`%s\` without \`${without}`;
  const may =
    token.kind === 'classic'
      ? token.scopes.includes('workflow')
      : grants(token, repo, { permission: 'workflows', level: 'write' });
  if (may) return '';
  return token.kind === 'installation'
    ? refusal('GitHub App', 'workflows` permission')
    : refusal('Personal Access Token', 'workflow` scope');
}
