/**
 * Links into a private repository of a GitHub that is held to GitHub's own description, over the real client:
 * what is read, what is said where it can't be, and where the token is not.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { EventParams } from '../../../protocol/events.ts';
import { PATHS } from '../../../protocol/http.ts';
import { removeFolder, git } from '../../support/git.ts';
import { rateLimit, startGitHub, type StandIn } from '../../support/github/index.ts';
import { filesWith, formsIn } from '../secrets/oracle.ts';
import { makeRepository } from '../secrets/repository.ts';
import { logOf, patchOf, printed, startWorld, type Ended, type World } from '../secrets/world.ts';

const REPO = 'acme/shop';
/** What looks like one of the tokens, wherever an agent may look; it does not find itself. */
const HUNT = [
  'import os,re',
  'shape=re.compile(b"gh" b"p_[0-9a-f]{36}")',
  'paths=["/proc/%s/%s"%(p,n) for p in os.listdir("/proc") if p.isdigit() for n in ("environ","cmdline")]',
  'paths+=[os.path.join(d,f) for top in ("/run","/workspace","/root","/etc","/tmp","/opt","/var") for d,_,fs in os.walk(top) for f in fs]',
  'read=lambda p:open(p,"rb").read(8<<20) if os.path.isfile(p) else b""',
  'def count(p):\n  try: return len(shape.findall(read(p)))\n  except OSError: return 0',
  'print("found",sum(map(count,paths)),"in",len(paths)>100)',
];
const hunting = `$ printf '%s' '${Buffer.from(HUNT.join('\n')).toString('base64')}' | base64 -d | python3`;

describe('links into a private repository', { timeout: 170_000 }, () => {
  let github: StandIn;
  let token: string;
  let world: World;
  let folder: string;
  let ran: Ended;

  before(async () => {
    github = await startGitHub();
    await github.addRepo(REPO, { private: true, roles: { octocat: 'write' } });
    github.addIssue(REPO, {
      title: 'The sum is wrong',
      body: 'With two items.',
      by: 'alice',
      labels: ['bug'],
    });
    github.comment(REPO, 1, 'bob', 'I see it too.');
    await github.commit(REPO, 'mend', { 'src/sum.txt': 'mended\n' });
    token = github.addToken('octocat').value;
    const made = await fetch(`${github.apiUrl}/repos/${REPO}/pulls`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/vnd.github+json',
        'content-type': 'application/json',
        'x-github-api-version': '2022-11-28',
      },
      body: JSON.stringify({ title: 'Mend the sum', body: 'It added one.', head: 'mend', base: 'main' }),
    });
    assert.equal(made.status, 201, await made.text());
    github.commentOnLine(REPO, 2, 'carol', { body: 'Why this?', path: 'src/sum.txt', line: 1 });
    world = await startWorld({
      ownersForges: [
        {
          host: github.host,
          kind: 'github',
          apiUrl: github.apiUrl,
          how: 'token',
          from: 'owner',
          secret: { how: 'token', token },
        },
      ],
    });
    folder = makeRepository();
    await world.put({ name: 'plain' });
    const at = `${github.url}/${REPO}`;
    ran = await world.run({
      environment: 'plain',
      folder,
      prompt: `See ${at}/issues/1, ${at}/pull/2, ${at}/pull/2.diff, ${at}/issues/99.\n$ cat /run/codex/links/*; echo x > done.txt\n${hunting}`,
    });
  });
  after(async () => {
    await world.end();
    await github.close();
    removeFolder(folder);
  });

  const told = (): string => JSON.stringify(world.model.requests[0]?.body);
  const warnings = ({ events }: Ended): EventParams<'warning'>[] =>
    events.flatMap((event) => (event.code === 'warning' ? [event.params] : []));

  test('issue, pull request and comments are told, the diff lies in the sandbox', async () => {
    assert.equal(ran.state, 'completed', JSON.stringify(ran.events.at(-1)));
    for (const said of [
      'The sum is wrong',
      'Labels: bug',
      'I see it too.',
      'Mend the sum',
      'Why this?',
      'src/sum.txt:1',
    ])
      assert.ok(told().includes(said), said);
    assert.match(
      printed(ran.events, 'agent'),
      /^diff --git a\/src\/sum\.txt b\/src\/sum\.txt\n[^]*\+mended\n/,
    );
    assert.deepEqual(
      warnings(ran).map(({ code }) => code),
      ['linkRead', 'linkRead', 'linkLaid', 'linkGone'],
    );
    const patch = (await world.download(patchOf(ran))).body.toString('utf8');
    assert.match(patch, /done\.txt/);
    assert.doesNotMatch(patch, /sum\.txt/);
    github.assertNoProblems();
  });

  test('a folder of that repository has its commits fetched by the backend, and nothing to push', async () => {
    const clone = makeRepository();
    try {
      git(clone, ['fetch', '-q', github.gitDir(REPO), 'mend']);
      const sha = git(clone, ['rev-parse', 'FETCH_HEAD']).trim();
      const of = { name: 'shop', remote: github.gitUrl(REPO), folder: 'clone', sha };
      assert.equal((await world.one.call('repo.resolve', of)).hasCommit, true);
      const own = git(clone, ['rev-parse', 'HEAD']).trim();
      assert.equal((await world.one.call('repo.resolve', { ...of, sha: own })).hasCommit, false);
    } finally {
      removeFolder(clone);
    }
  });

  test('a forge that takes no more requests stops no turn', async () => {
    github.fault('api', rateLimit({ resetInS: 600 }), { times: Infinity });
    const again = await world.followUp(ran, `And ${github.url}/${REPO}/issues/1?\n$ cat /run/codex/links/*`);
    assert.equal(again.state, 'completed');
    assert.deepEqual(
      warnings(again).map(({ code }) => code),
      ['linkRateLimited'],
    );
    assert.match(printed(again.events, 'agent'), /\+mended/, 'what was read before is there still');
  });

  test('the token is nowhere but in the backend', async () => {
    assert.match(printed(ran.events, 'agent'), /\nfound 0 in True\n$/);
    const seen = {
      heard: world.heard.join('\n'),
      logged: world.logged.join('\n'),
      requests: JSON.stringify(world.model.requests),
      log: (await world.download(logOf(ran))).body.toString('utf8'),
      egress: (await world.download(PATHS.egress(ran.taskId))).body.toString('utf8'),
    };
    for (const [what, text] of Object.entries(seen)) assert.deepEqual(formsIn(text, token), [], what);
    await world.stop();
    assert.deepEqual(await filesWith(world.dataDir, token), []);
  });
});
