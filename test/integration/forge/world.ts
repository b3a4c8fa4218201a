/** A stand-in GitHub with one repository, and the forge as the backend opens it. */
import assert from 'node:assert/strict';
import { openGitHub, type GitHubOptions } from '../../../server/forge/github/github.ts';
import { CodexError, type ErrorCode } from '../../../protocol/errors.ts';
import { errorWords } from '../../../client/words/index.ts';
import type { ForgeSecret } from '../../../server/forge/connection.ts';
import type { StandIn } from '../../support/github/index.ts';

export const REPO = 'octo/app';

/** Pauses are counted and not waited for. */
export function forgeAt(
  github: Pick<StandIn, 'host' | 'apiUrl'>,
  secret: ForgeSecret,
  more: Partial<GitHubOptions> = {},
) {
  const pauses: number[] = [];
  const pause = async (ms: number) => void pauses.push(ms);
  const { host, apiUrl } = github;
  return { pauses, ...openGitHub({ host, apiUrl, secret, loopback: true, pause, ...more }) };
}

/** It fails so, its sentence is whole, and no token is in it. */
export async function failsWith(
  promise: Promise<unknown>,
  code: ErrorCode,
  sentence: RegExp,
  ...hidden: string[]
): Promise<CodexError> {
  let thrown: unknown;
  await promise.catch((error: unknown) => (thrown = error));
  assert.ok(thrown instanceof CodexError, `${code} expected, not ${String(thrown)}`);
  const said = errorWords(thrown.wire).text;
  assert.equal(thrown.code, code, said);
  assert.match(said, sentence);
  assert.doesNotMatch(said, /[{}]/);
  for (const value of hidden)
    assert.ok(!JSON.stringify([thrown.wire, thrown.message, thrown.stack]).includes(value), said);
  return thrown;
}
