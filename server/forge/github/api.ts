/** GitHub's REST API. */
import { ForgeApi, type ApiOptions, type Dialect } from '../http/api.ts';

const GITHUB: Dialect = {
  headers: { 'x-github-api-version': '2022-11-28' },
  json: 'application/vnd.github+json',
  diff: 'application/vnd.github.diff',
};

export class GitHubApi extends ForgeApi {
  constructor(options: ApiOptions) {
    super(GITHUB, options);
  }
}
