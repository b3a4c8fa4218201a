/**
 * Making a pull request of a result, over the stand-in GitHub: beside a bare `git push` of as much and one call of
 * its API, which nobody can do without.
 */
import { join } from 'node:path';
import {
  binary,
  commitAll,
  git,
  initRepository,
  removeFolder,
  temporaryFolder,
  write,
} from '../support/git.ts';
import { bareCall, barePush } from '../support/github/index.ts';
import { openWorld, REPO } from '../integration/pull-requests/world.ts';

const ROUNDS = 9;
const FILE_BYTES = 200_000;

const world = await openWorld((dir) => {
  initRepository(dir);
  for (let n = 0; n < 200; n++) write(dir, `src/file-${n}.txt`, `${n}\n`.repeat(50));
  commitAll(dir);
});
const clone = temporaryFolder('bench-clone');
const bare: number[] = [];
const ours: number[] = [];
try {
  git(clone, ['clone', '-q', world.github.gitDir(REPO), 'app']);
  const app = join(clone, 'app');
  for (let round = 0; round < ROUNDS; round++) {
    const branch = `bare-${round}`;
    git(app, ['checkout', '-q', '-b', branch, 'origin/main']);
    write(app, 'image.png', binary(FILE_BYTES, `bare ${round}`));
    commitAll(app);
    const pushed = await barePush(app, world.github.gitUrl(REPO), world.token, branch);
    const body = { title: branch, head: branch, base: 'main', body: 'x' };
    bare.push(
      pushed + (await bareCall(world.github.apiUrl, world.token, 'POST', `/repos/${REPO}/pulls`, body)),
    );

    const task = await world.task({
      edit: (dir) => write(dir, 'image.png', binary(FILE_BYTES, `ours ${round}`)),
    });
    const { preview } = await world.one.call('pullRequest.preview', { taskId: task.id });
    const author = { name: 'Ada', email: 'ada@example.com' };
    const { title, body: text, base } = preview;
    const started = performance.now();
    await world.one.call('pullRequest.create', {
      ...{ taskId: task.id, title, body: text, base, author },
      branch: `ours-${round}`,
    });
    ours.push(performance.now() - started);
  }
} finally {
  await world.close();
  removeFolder(clone);
}

const median = (of: number[]) => of.sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0;
console.log(`pull.bare-p50 ${median(bare).toFixed(0)} ms -`);
console.log(`pull.create-p50 ${median(ours).toFixed(0)} ms -`);
console.log(`pull.create-to-bare-p50 ${(median(ours) / median(bare)).toFixed(2)} ratio 1.5`);
