/** Comments in their order, and as many of them as fit. Pure. */
import type { Comment } from './forge.ts';

export const byTime = (one: Comment, other: Comment) => one.at - other.at;
export const sizeOf = (text: string) => Buffer.byteLength(text);

export function newestThatFit(comments: readonly Comment[], maxBytes: number): Comment[] {
  let left = maxBytes;
  const from = comments.findLastIndex((comment) => (left -= sizeOf(comment.body)) < 0);
  return comments.slice(from + 1);
}
