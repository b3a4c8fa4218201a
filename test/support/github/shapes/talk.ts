/** Issues, and what is said below issues and pull requests, as GitHub shows it. */
import type { PullIssue } from '../pulls.ts';
import type { Comment, Issue, LineComment, Repo, Review, World } from '../state.ts';
import { account, iso, isoOrNull, nodeId } from './people.ts';
import { association, labelOf } from './pull.ts';
import { repoUrl, webUrl } from './repo.ts';

const reactions = (url: string) => ({
  url: `${url}/reactions`,
  total_count: 0,
  '+1': 0,
  '-1': 0,
  laugh: 0,
  hooray: 0,
  confused: 0,
  heart: 0,
  rocket: 0,
  eyes: 0,
});

export function issueShape(world: World, repo: Repo, issue: Issue): Record<string, unknown> {
  const url = `${repoUrl(world, repo)}/issues/${issue.number}`;
  const page = `${webUrl(world, repo)}/${issue.pull ? 'pull' : 'issues'}/${issue.number}`;
  const pullUrl = `${repoUrl(world, repo)}/pulls/${issue.number}`;
  return {
    url,
    repository_url: repoUrl(world, repo),
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: page,
    id: issue.id,
    node_id: nodeId('Issue', issue.id),
    number: issue.number,
    title: issue.title,
    user: account(world, issue.author),
    labels: issue.labels.map((label) => labelOf(world, repo, label)),
    state: issue.state,
    state_reason: issue.state === 'closed' && !issue.pull ? 'completed' : null,
    locked: false,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: issue.comments.length,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: isoOrNull(issue.closedAt),
    closed_by: null,
    author_association: association(repo, issue.author),
    active_lock_reason: null,
    body: issue.body,
    reactions: reactions(url),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: null,
    ...(issue.pull
      ? {
          draft: issue.pull.draft,
          pull_request: {
            url: pullUrl,
            html_url: page,
            diff_url: `${page}.diff`,
            patch_url: `${page}.patch`,
            merged_at: isoOrNull(issue.pull.merged?.at ?? null),
          },
        }
      : {}),
  };
}

export function commentShape(world: World, repo: Repo, issue: Issue, comment: Comment) {
  const url = `${repoUrl(world, repo)}/issues/comments/${comment.id}`;
  const page = `${webUrl(world, repo)}/${issue.pull ? 'pull' : 'issues'}/${issue.number}`;
  return {
    url,
    html_url: `${page}#issuecomment-${comment.id}`,
    issue_url: `${repoUrl(world, repo)}/issues/${issue.number}`,
    id: comment.id,
    node_id: nodeId('IssueComment', comment.id),
    user: account(world, comment.author),
    created_at: iso(comment.createdAt),
    updated_at: iso(comment.updatedAt),
    author_association: association(repo, comment.author),
    body: comment.body,
    reactions: reactions(url),
    performed_via_github_app: null,
  };
}

export function reviewShape(world: World, repo: Repo, issue: PullIssue, review: Review) {
  const html = `${webUrl(world, repo)}/pull/${issue.number}#pullrequestreview-${review.id}`;
  const pullUrl = `${repoUrl(world, repo)}/pulls/${issue.number}`;
  return {
    id: review.id,
    node_id: nodeId('PullRequestReview', review.id),
    user: account(world, review.author),
    body: review.body,
    state: review.state,
    html_url: html,
    pull_request_url: pullUrl,
    author_association: association(repo, review.author),
    _links: { html: { href: html }, pull_request: { href: pullUrl } },
    submitted_at: iso(review.submittedAt),
    commit_id: review.commit,
  };
}

export function lineCommentShape(world: World, repo: Repo, issue: PullIssue, comment: LineComment) {
  const url = `${repoUrl(world, repo)}/pulls/comments/${comment.id}`;
  const html = `${webUrl(world, repo)}/pull/${issue.number}#discussion_r${comment.id}`;
  const pullUrl = `${repoUrl(world, repo)}/pulls/${issue.number}`;
  return {
    url,
    pull_request_review_id: comment.review,
    id: comment.id,
    node_id: nodeId('PullRequestReviewComment', comment.id),
    diff_hunk: comment.diffHunk,
    path: comment.path,
    original_position: comment.originalLine ?? 1,
    commit_id: comment.commit,
    original_commit_id: comment.commit,
    ...(comment.inReplyTo === null ? {} : { in_reply_to_id: comment.inReplyTo }),
    user: account(world, comment.author),
    body: comment.body,
    created_at: iso(comment.createdAt),
    updated_at: iso(comment.updatedAt),
    html_url: html,
    pull_request_url: pullUrl,
    author_association: association(repo, comment.author),
    _links: { self: { href: url }, html: { href: html }, pull_request: { href: pullUrl } },
    reactions: reactions(url),
    // Where there is none GitHub says null, of which the API's description knows nothing.
    ...(comment.line === null ? {} : { position: comment.line, line: comment.line }),
    start_line: comment.line === null ? null : comment.startLine,
    original_start_line: comment.startLine,
    start_side: comment.startLine === null ? null : comment.side,
    original_line: comment.originalLine ?? 1,
    side: comment.side,
    subject_type: comment.originalLine === null ? 'file' : 'line',
  };
}
