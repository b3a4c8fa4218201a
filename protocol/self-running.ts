/**
 * Files that an editor, a shell, git or a CI service runs by itself. A result that changes one of
 * them could act without being started, on the person's machine or at the forge, so they stand apart:
 * applied and published only when asked for by name. A symlink at a folder of the list counts as the whole folder.
 */
import type { WirePath } from './events.ts';

export type SelfRunningKind = 'workflow' | 'hook' | 'selfRunning';

const PATTERNS: Record<SelfRunningKind, readonly RegExp[]> = {
  hook: [
    /(^|\/)\.husky\//,
    /(^|\/)\.git[^/]*hooks?\//,
    /(^|\/)\.?lefthook(-local)?\.(ya?ml|toml|json)$/,
    /(^|\/)\.pre-commit-config\.ya?ml$/,
  ],
  // CI services
  workflow: [
    /(^|\/)\.(github|gitea|forgejo)\/(workflows|actions)\//,
    /(^|\/)\.gitlab-ci[^/]*\.ya?ml$/,
    /(^|\/)\.gitlab\/ci\//,
    /(^|\/)\.(circleci|buildkite|woodpecker|teamcity|semaphore)\//,
    /(^|\/)\.(travis|drone|woodpecker|appveyor|cirrus)\.ya?ml$/,
    /(^|\/)(azure-pipelines|bitbucket-pipelines|appveyor)[^/]*\.ya?ml$/,
    /(^|\/)jenkinsfile[^/]*$/,
  ],
  selfRunning: [
    /(^|\/)\.vscode\/(tasks|settings|launch|mcp)\.json$/,
    /\.code-workspace$/,
    /(^|\/)\.devcontainer(\/|\.json$)/,
    /(^|\/)\.envrc$/,
    /(^|\/)\.codex\//,
  ],
};

const FOLDERS: Record<SelfRunningKind, RegExp> = {
  hook: /(^|\/)(\.husky|\.git[^/]*hooks?)$/,
  workflow:
    /(^|\/)(\.(github|gitea|forgejo)(\/(workflows|actions))?|\.gitlab(\/ci)?|\.circleci|\.buildkite|\.woodpecker|\.teamcity|\.semaphore)$/,
  selfRunning: /(^|\/)(\.vscode|\.devcontainer|\.codex)$/,
};

const KINDS = ['hook', 'workflow', 'selfRunning'] as const;

/** Without case and without what HFS+ ignores: a file system may find the file by such a name. */
export function asFound({ path }: WirePath): string {
  return path.replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '').toLowerCase();
}

/** Null: it runs nowhere by itself. */
export function selfRunningKind(path: WirePath, isSymlink: boolean): SelfRunningKind | null {
  const text = asFound(path);
  const is = (kind: SelfRunningKind) =>
    PATTERNS[kind].some((pattern) => pattern.test(text)) || (isSymlink && FOLDERS[kind].test(text));
  return KINDS.find(is) ?? null;
}

export function runsByItself(path: WirePath, isSymlink: boolean): boolean {
  return selfRunningKind(path, isSymlink) !== null;
}
