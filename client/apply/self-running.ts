/**
 * Files that an editor, a shell, git or a CI service runs by itself. A result that changes one of
 * them could act on the person's machine without being started, so they stand apart: applied only
 * when asked for by name. A symlink at a folder of the list counts as the whole folder.
 */
import type { WirePath } from './types.ts';

const PATTERNS: readonly RegExp[] = [
  /(^|\/)\.vscode\/(tasks|settings|launch|mcp)\.json$/,
  /\.code-workspace$/,
  /(^|\/)\.devcontainer(\/|\.json$)/,
  /(^|\/)\.envrc$/,
  /(^|\/)\.husky\//,
  /(^|\/)\.git[^/]*hooks?\//,
  /(^|\/)\.?lefthook(-local)?\.(ya?ml|toml|json)$/,
  /(^|\/)\.pre-commit-config\.ya?ml$/,
  /(^|\/)\.codex\//,
  // CI services
  /(^|\/)\.(github|gitea|forgejo)\/(workflows|actions)\//,
  /(^|\/)\.gitlab-ci[^/]*\.ya?ml$/,
  /(^|\/)\.gitlab\/ci\//,
  /(^|\/)\.(circleci|buildkite|woodpecker|teamcity|semaphore)\//,
  /(^|\/)\.(travis|drone|woodpecker|appveyor|cirrus)\.ya?ml$/,
  /(^|\/)(azure-pipelines|bitbucket-pipelines|appveyor)[^/]*\.ya?ml$/,
  /(^|\/)jenkinsfile[^/]*$/,
];

const FOLDERS =
  /(^|\/)(\.vscode|\.devcontainer|\.husky|\.codex|\.git[^/]*hooks?|\.github(\/(workflows|actions))?|\.(gitea|forgejo)(\/(workflows|actions))?|\.gitlab(\/ci)?|\.circleci|\.buildkite|\.woodpecker|\.teamcity|\.semaphore)$/;

/** Compared without case and without what HFS+ ignores, as the file system might. */
export function runsByItself(path: WirePath, isSymlink: boolean): boolean {
  const text = path.path.replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '').toLowerCase();
  return PATTERNS.some((pattern) => pattern.test(text)) || (isSymlink && FOLDERS.test(text));
}
