/** The sentences for what goes wrong between the backend and a forge. */
import type { ErrorCode } from '../../protocol/errors.ts';

export const FORGE_ERROR_WORDS = {
  forgeUnknown: [
    'The backend has no access to {host} yet. Connect it, then try again.',
    'The repository’s remote is at no forge that is connected. Connect it, then try again.',
  ],
  forgeAddressRefused: [
    '{host} leads to {loopback}, the backend’s own machine. Only its owner can allow that, by naming the forge in config.yaml.',
    '{host} leads to {address}, where no forge may be. Check its address, then try again.',
    'The forge’s address leads to where no forge may be. Check it, then try again.',
  ],
  forgeOwned: [
    '{host} is set up in the configuration of the backend. Change it there, in config.yaml.',
    'The forge is set up in the configuration of the backend. Change it there, in config.yaml.',
  ],
  forgeNotConfigured: [
    '{host} can’t be used: {variable} is not set where the backend runs. Set it and start the backend again.',
    'The forge can’t be used: its token is not set where the backend runs. Set it and start the backend again.',
  ],
  forgeUnauthorized: [
    '{host} does not accept the token any more: it has expired, or was revoked. Connect again with a new one.',
    'The forge does not accept the token any more. Connect again with a new one.',
  ],
  forgeForbidden: [
    '{host} does not let the token do this in {repo}: it needs {need}. Give it that, or connect with another one.',
    '{host} does not let the token do this: it needs {need}. Give it that, or connect with another one.',
    '{host} does not let the token do this. Connect with one that may write contents and pull requests.',
    'The forge does not let the token do this. Connect with one that may write contents and pull requests.',
  ],
  forgeRepoUnknown: [
    '{host} has no {repo} that the token may see: it was deleted or renamed, or the token has no access to it. Look there, then give it access or connect with another one.',
    'The forge has no such repository that the token may see. Look there, then give it access or connect with another one.',
  ],
  forgeRateLimited: [
    '{host} takes no more requests for now. Try again in {waitMs}.',
    '{host} takes no more requests for now. Try again in some minutes.',
    'The forge takes no more requests for now. Try again in some minutes.',
  ],
  forgeUnavailable: [
    '{host} can’t be reached ({reason}). Nothing is lost: try again when it is back.',
    '{host} can’t be reached. Nothing is lost: try again when it is back.',
    'The forge can’t be reached. Nothing is lost: try again when it is back.',
  ],
  forgeRefused: [
    '{host} refused: “{reason}” – nothing is lost: look at it there, then try again.',
    '{host} refused the request. Nothing is lost: look at it there, then try again.',
    'The forge refused the request. Nothing is lost: look at it there, then try again.',
  ],
  forgeGarbage: [
    '{host} answered with something that can’t be understood. Check that its address is right, then try again.',
    'The forge answered with something that can’t be understood. Check its address, then try again.',
  ],
  forgePushRefused: [
    '{path} is larger than {host} takes. Take it out of the result, or keep it with Git LFS.',
    'The branch “{protectedBranch}” is protected at {host}: “{reason}” – choose another name, or have the protection lifted there, then try again.',
    '{host} refused the push to “{branch}”: “{reason}” – nothing was pushed: look at it, then try again.',
    '{host} refused the push: “{reason}” – nothing was pushed: look at it, then try again.',
    'The forge refused the push. Nothing was pushed: look at it there, then try again.',
  ],
  forgeBranchMoved: [
    'Somebody else has pushed to “{branch}”. Nothing was overwritten: look at it, then try again.',
    'Somebody else has pushed to the branch. Nothing was overwritten: look at it, then try again.',
  ],
  forgeBranchGone: [
    'The branch “{branch}” is not there any more. Make a new pull request.',
    'The branch is not there any more. Make a new pull request.',
  ],
  forgeConflicts: [
    'What others pushed to “{branch}” conflicts with this result, in {paths}. Nothing was pushed: ask the agent to go on from there, or merge by hand.',
    'The result can’t be taken apart from the local changes that the task began with, in {paths}. Include them, or commit them and begin from there.',
    'What others pushed conflicts with this result. Nothing was pushed.',
  ],
  forgeNotConfirmed: [
    'The result changes {count} files that run by themselves or bring in other code ({paths}). Look at them, and confirm once more.',
    'The result changes files that run by themselves or bring in other code. Look at them, and confirm once more.',
  ],
  forgeNothingToPublish: ['There is no change that a pull request could have.'],
  forgeLinkTooLarge: [
    'What {url} leads to is larger than {maxBytes}, and was left out of the prompt.',
    'What a link leads to is too large, and was left out of the prompt.',
  ],
  forgeSignatureWrong: ['The message does not come from the forge: its signature is wrong.'],
  forgeAppUnfinished: [
    'This app was asked for too long ago, or by another backend. Begin again with Connect.',
  ],
  taskUntrusted: [
    'This task works on a fork’s code: it gets no internet access, whatever its environment allows.',
  ],
  pullRequestExists: [
    'The task has a pull request already: {url}. Update it.',
    'The task has a pull request already. Update it.',
  ],
  pullRequestMissing: ['The task has no pull request yet. Create one first.'],
  pullRequestClosed: [
    'The pull request {url} is {state}: it can’t be updated. Open it again at the forge, or create a new one.',
    'The pull request is closed: it can’t be updated. Open it again at the forge, or create a new one.',
  ],
} as const satisfies Partial<Record<ErrorCode, readonly string[]>>;
