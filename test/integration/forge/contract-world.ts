/** What the contract of forges is told about one of them, and git as its client. */
import type { Forge, GitCredential } from '../../../server/forge/forge.ts';
import { tryGitAsync, type GitRun } from '../../support/git.ts';
import { garbage, status, type Fault } from '../../support/github/faults.ts';

export type Trouble = 401 | 403 | 404 | 409 | 429 | 503 | 'garbage' | 'otherShape';

/** One forge with a private repository, and what others do there; numbers are those that the forge gave. */
export interface ContractWorld {
  forge: Forge;
  /** The repository: `main` with `a.txt`. */
  name: string;
  /** As whom pull requests are made. */
  account: string;
  /** The same forge as somebody sees it who may see nothing of the repository. */
  stranger: Forge;
  /** All tokens and keys that are in use now. */
  secrets(): string[];
  /** What a link to a pull request looks like, and to an issue. */
  addressOf(kind: 'pull' | 'issue', number: number): string;
  commit(branch: string, files: Record<string, string>): Promise<string>;
  /** Where the branch stands at the forge; null: it is not there. */
  branch(name: string): Promise<string | null>;
  merge(pull: number): Promise<unknown>;
  allow(login: string, role: 'read' | 'write' | 'admin'): void;
  addIssue(issue: { title: string; body: string; by: string; labels: string[] }): number;
  say(kind: 'pull' | 'issue', number: number, by: string, said: { body: string; at: number }): void;
  sayOnLine(pull: number, by: string, said: { body: string; at: number; path: string; line: number }): void;
  judge(pull: number, by: string, verdict: 'approved' | 'changesRequested'): void;
  check(sha: string, name: string, outcome: 'passed' | 'failed' | 'running'): void;
  /** What reading this pull request ends in from now on; ends it again. `said`: the forge's own words. */
  trouble(pull: number, kind: Trouble, said: string): () => void;
  rename(to: string): void;
  close(): Promise<void>;
}

export function faultOf(kind: Trouble, said: string): Fault {
  if (kind === 'garbage') return garbage();
  return kind === 'otherShape'
    ? { kind: 'answer', status: 200, body: { message: said } }
    : status(kind, said);
}

export function gitAs(credential: GitCredential | null, dir: string, ...args: string[]): Promise<GitRun> {
  const helper = '!helper() { echo "username=$TEST_USER"; echo "password=$TEST_PASSWORD"; }; helper';
  const env: Record<string, string> =
    credential === null
      ? {}
      : {
          TEST_USER: credential.username,
          TEST_PASSWORD: credential.password,
          GIT_CONFIG_COUNT: '1',
          GIT_CONFIG_KEY_0: 'credential.helper',
          GIT_CONFIG_VALUE_0: helper,
        };
  return tryGitAsync(dir, args, { env });
}
