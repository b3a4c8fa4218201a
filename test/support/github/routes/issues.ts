/** Issues and the comments below them and below pull requests. */
import type { Needs } from '../access.ts';
import { Refusal, notFound, validationFailed } from '../answer.ts';
import { atLeast, roleOf, type Issue, type Level, type Repo } from '../state.ts';
import { commentShape, issueShape } from '../shapes/talk.ts';
import { author, issueOf, listed, reach, reads, text, type Call, type Route } from './call.ts';

const MAX_COMMENT = 65_536;

/** For what belongs to a pull request, the permission for these is enough; for an issue it is not. */
function reachIssue(call: Call, level: Level): { repo: Repo; issue: Issue } {
  const either: Needs = ['issues', 'pull_requests'].map((permission) => ({ permission, level }));
  const repo = reach(call, either);
  const issue = issueOf(call, repo);
  if (!issue.pull) reach(call, [{ permission: 'issues', level }]);
  return { repo, issue };
}

const get: Route = (call) => {
  const { repo, issue } = reachIssue(call, 'read');
  return { status: 200, body: issueShape(call.world, repo, issue) };
};

const comments: Route = (call) => {
  const { repo, issue } = reachIssue(call, 'read');
  const since = Date.parse(text(call.params['since'])) || 0;
  const found = issue.comments.filter(({ updatedAt }) => updatedAt >= since);
  return listed(call, found, (comment) => commentShape(call.world, repo, issue, comment));
};

const comment: Route = (call) => {
  const { world, body } = call;
  const { repo, issue } = reachIssue(call, 'write');
  const said = {
    id: world.nextId(),
    author: author(call),
    body: bodyOf(body),
    createdAt: world.now(),
    updatedAt: world.now(),
  };
  issue.comments.push(said);
  const shown = commentShape(world, repo, issue, said);
  return { status: 201, headers: { location: shown.url }, body: shown };
};

const change: Route = (call) => {
  const { world, params, body } = call;
  const repo = reach(call, reads('issues', 'pull_requests'));
  const issue = repo.issues.find((one) => one.comments.some(({ id }) => id === params['comment_id']));
  const said = issue?.comments.find(({ id }) => id === params['comment_id']);
  if (!issue || !said) throw notFound();
  const permissions = issue.pull ? ['issues', 'pull_requests'] : ['issues'];
  reach(
    call,
    permissions.map((permission) => ({ permission, level: 'write' as const })),
  );
  const by = author(call);
  if (said.author !== by && !atLeast(roleOf(repo, by), 'write')) {
    throw new Refusal(403, 'Must have admin rights to Repository.');
  }
  said.body = bodyOf(body);
  said.updatedAt = world.now();
  return { status: 200, body: commentShape(world, repo, issue, said) };
};

function bodyOf(body: Record<string, unknown>): string {
  const said = text(body['body']);
  if (said.trim() === '')
    throw validationFailed({ resource: 'IssueComment', code: 'missing_field', field: 'body' });
  if (said.length > MAX_COMMENT) {
    const message = `body is too long (maximum is ${MAX_COMMENT} characters)`;
    throw validationFailed({ resource: 'IssueComment', code: 'custom', field: 'body', message });
  }
  return said;
}

export const ISSUE_ROUTES: Record<string, Route> = {
  'GET /repos/{owner}/{repo}/issues/{issue_number}': get,
  'GET /repos/{owner}/{repo}/issues/{issue_number}/comments': comments,
  'POST /repos/{owner}/{repo}/issues/{issue_number}/comments': comment,
  'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}': change,
};
