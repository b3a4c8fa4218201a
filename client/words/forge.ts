/** The sentences for what goes wrong between the backend and a forge. */
import type { ErrorCode, WireError } from '../../protocol/errors.ts';
import { fill, type Translate } from './template.ts';

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
    '{host} does not let the app do this in {repo}: it needs {need}. Give it that at {appSettings}, and accept it where the app is installed.',
    '{host} does not let the app do this. Look at what it is given at {appSettings}, and where it is installed.',
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
    '“git push” of “{unpushed}” failed: “{reason}” – nothing was pushed: look at it, then try again.',
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
  forgeWebhookUnknown: [
    'Comments at {host} can’t start tasks: the backend hears from GitHub alone.',
    'Comments can’t start tasks there: the backend hears from GitHub alone.',
  ],
  forgeWebhookUnsigned: [
    'No webhook secret was agreed on with {host}, so no comment there would be heard. Set webhookSecret of {host} in the backend’s config.yaml and start it again; or set publicUrl there, start it again, and make a GitHub App.',
    'No webhook secret was agreed on with the forge, so no comment there would be heard. Set webhookSecret in the backend’s config.yaml and start it again; or set publicUrl there, start it again, and make a GitHub App.',
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

/** Of causes that a code does not tell apart: by the parameter `why`. */
export const FORGE_WHY_WORDS: Record<string, readonly string[]> = {
  apiUrlForm: ['This is no address of a forge’s API. Write one such as https://git.example/api/v3.'],
  apiUrlPassword: ['A name and a password never stand in an address. Leave them out.'],
  apiUrlEnd: ['The address of an API ends before ? and #. Leave the rest out.'],
  apiUrlPlain: ['Without TLS everybody on the way could read the token. Write https://.'],
  appKey: [
    'What stands for the key of the app of {host} is no RSA key. Make a new one at the app’s settings.',
  ],
  noApps: ['GitLab has no apps. Connect it with a token.'],
  noPublicUrl: [
    'The backend stands behind a proxy, and does not know at which address browsers reach it. Set publicUrl in its config.yaml, start it again, then try again.',
  ],
  tokenOnly: ['GitLab is connected with a token alone. Connect it with one.'],
  newerResult: ['A newer result came before this one was published. Try again with the newer one.'],
  noSuchResult: [
    'The task has no result of turn {turn}, attempt {attempt}. Make the pull request anew, from one that it has.',
  ],
  pullRequestBusy: ['The pull request is being changed already. Wait until that is done.'],
  installation: [
    '{host} does not let the app into {repo}: it has to be installed there, and not suspended. Look at its installations, then try again.',
  ],
  personToken: ['{host} does not say whose token this is. Use a person’s, or connect an app.'],
  scopeOrRole: [
    '{host} does not let the token do this in {repo}: it needs the scope api, and the role Developer to write. Give it that, or connect with another one.',
    '{host} does not let the token do this: it needs the scope api, and the role Developer to write. Give it that, or connect with another one.',
  ],
  singleSignOn: [
    '{host} does not let the token do this: it has to be authorized for the single sign-on of the organization. Authorize it there, then try again.',
  ],
  headElsewhere: [
    'The branch of the pull request is in {repo}, which is another repository. Update it from there.',
  ],
  headUnknown: [
    '{host} does not know the branch yet that was just pushed, so there is no pull request. Try again in a moment.',
  ],
  noSuchBranch: [
    '{repo} at {host} has no branch “{branch}” to ask into, so nothing was pushed. Choose another one, or push that one first.',
  ],
  objectFormat: [
    'The repository at {host} names its objects by {there}, and this one by {here}, so nothing can be sent. Choose another one.',
  ],
};

/** Null for any other error, and for a cause that only a newer backend knows. */
export function forgeWhyWords({ params }: WireError, t: Translate): string | null {
  const why = String(params['why']);
  return Object.hasOwn(FORGE_WHY_WORDS, why) ? fill(FORGE_WHY_WORDS[why] ?? [], params, t) : null;
}
