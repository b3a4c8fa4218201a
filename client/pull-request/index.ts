/**
 * Pull requests as a client sees to them: which forge a folder's remote is at, and the way without credentials of
 * the backend's: the person's own git and session. Knows no VS Code.
 */
export { patchBetween } from './between.ts';
export { atForge, apiUrlOf, GITHUB, hostOf, tokenPage, type AtForge } from './forge-address.ts';
export { baseBranch, forgeRemote, type ForgeRemote } from './folder.ts';
export { createPullRequest, pullRequestNow, type GitHubSession, type MadePullRequest } from './github.ts';
export { headOf, pushedFrom, pushResult, pushUpdate } from './own.ts';
export { ownPreview } from './preview.ts';
