/** Which repository a remote’s address means, and that no address means one repository to us and another to git. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ForgeRepoName } from '../../../protocol/forge.ts';
import { isPageOf, kindOf, siteOf } from '../../../protocol/forge-address.ts';

const MEANS: [string, string, string][] = [
  ['https://github.com/octo/app.git', 'github.com', 'octo/app'],
  ['https://github.com/octo/app', 'github.com', 'octo/app'],
  ['https://GitHub.com/Octo/App/', 'github.com', 'Octo/App'],
  ['https://octo:hidden-token@github.com/octo/app.git', 'github.com', 'octo/app'],
  ['http://git.example.org:8080/octo/app', 'git.example.org:8080', 'octo/app'],
  ['https://git.example.org:443/octo/app', 'git.example.org', 'octo/app'],
  ['git@github.com:octo/app.git', 'github.com', 'octo/app'],
  ['github.com:octo/app', 'github.com', 'octo/app'],
  ['org-1234@GitHub.com:/octo/app.git', 'github.com', 'octo/app'],
  ['ssh://git@github.com/octo/app.git', 'github.com', 'octo/app'],
  ['ssh://git@ssh.github.com:443/octo/app.git', 'github.com', 'octo/app'],
  ['git@ssh.github.com:octo/app.git', 'github.com', 'octo/app'],
  ['ssh://git@altssh.gitlab.com:443/group/app.git', 'gitlab.com', 'group/app'],
  ['git+ssh://git@git.example.org:2222/octo/app', 'git.example.org', 'octo/app'],
  ['https://gitlab.example/group/sub/app.git', 'gitlab.example', 'group/sub/app'],
  ['https://github.com/octo/app.github.io.git', 'github.com', 'octo/app.github.io'],
  ['https://github.com/octo/app.GIT', 'github.com', 'octo/app'],
  ['https://www.GitHub.com/octo/app', 'github.com', 'octo/app'],
  ['https://octo:p%2Fw..@github.com/octo/app', 'github.com', 'octo/app'],
  ['https://github.com/oct%6F/a%70p', 'github.com', 'octo/app'],
  ['SSH://git@GIT.example.org/octo/app', 'git.example.org', 'octo/app'],
  ['first.last+work@git.example.org:octo/app', 'git.example.org', 'octo/app'],
  ['https://xn--mller-kva.example/octo/app', 'xn--mller-kva.example', 'octo/app'],
  ['https://git.example.org/octo/.github', 'git.example.org', 'octo/.github'],
  ['https://git.example.org/octo/..app...git', 'git.example.org', 'octo/..app..'],
  // Where git goes, too: what stands before the @ is a name.
  ['https://github.com@evil.example/octo/app', 'evil.example', 'octo/app'],
  ['https://github.com:pw@evil.example/octo/app', 'evil.example', 'octo/app'],
  ['git@evil.example:github.com/octo/app', 'evil.example', 'github.com/octo/app'],
  ['ssh://github.com.evil.example/octo/app', 'github.com.evil.example', 'octo/app'],
];
for (const [remote, host, name] of MEANS)
  test(`${remote} is ${name} at ${host}`, () => {
    const found = siteOf(remote);
    assert.deepEqual([found?.host, found?.name], [host, name]);
  });

for (const remote of [
  '',
  '/srv/git/app.git',
  '../app',
  'C:\\work\\app',
  'C:/code/app',
  'file:///srv/git/octo/app',
  'git://github.com/octo/app',
  'ext::sh -c whoami',
  'https://github.com/octo',
  'https://github.com/octo/..',
  'git@github.com:../app',
  'git@github.com:octo/../../app',
  'https://github.com/oc%2Fto%00/app',
  'https://[::1]/octo/app',
  'https://github.com/octo%2Fapp',
  'https://github.com/octo/app%2Fx',
  'https://github.com/octo/../evil/app',
  'https://github.com/octo/%2e%2E/evil/app',
  'https://github.com/./octo/app',
  'https://github.com/octo/.git',
  'git@github.com:octo/./app',
  'git@-oProxyCommand=x:octo/app',
  '-oProxyCommand=x@github.com:octo/app',
  'ssh://-oProxyCommand=touch%20x/octo/app',
  'ssh://-oProxyCommand=x@github.com/octo/app',
  'ssh://%2doProxyCommand=x@github.com/octo/app',
  // To git the host is behind the @, to a parser of web addresses before the backslash.
  'https://github.com\\@evil.example/octo/app',
  'https:\\\\github.com\\octo\\app',
  'git@github.com:octo\\app',
  'https://git\thub.com/octo/app',
  'https://github.com/octo/ap\np',
  // Letters that a parser takes for others.
  'https://ｇithub.com/octo/app',
  'https://gıthub.com/octo/app',
  'https://github。com/octo/app',
  'git@gіthub.com:octo/app',
  'https://github.com/octo/аpp',
  'https:///github.com/octo/app',
  'javascript://github.com/octo/app',
  'git@host://octo/app',
])
  test(`“${remote}” is at no forge`, () => assert.equal(siteOf(remote), null));

test('a repository’s name leads nowhere else, however long', () => {
  for (const good of ['octo/app', 'a/b/c', '.github/..x', 'a/...', 'a.b/c.d'])
    assert.ok(ForgeRepoName.safeParse(good).success, good);
  for (const bad of ['octo', '../app', 'octo/..', 'a/./b', './a', 'a/b/', '/a/b', 'a//b', 'a/b c', 'a/b?c'])
    assert.ok(!ForgeRepoName.safeParse(bad).success, bad);
  const started = performance.now();
  for (const piece of ['a/', './', '../', '.', '/']) siteOf(`https://github.com/${piece.repeat(50_000)}`);
  for (const piece of ['a@', '-', 'a.', ':']) siteOf(piece.repeat(50_000));
  assert.ok(performance.now() - started < 2_000);
});

test('what a host’s name tells of its kind', () => {
  for (const host of ['gitlab.com', 'gitlab.example.org', 'code.gitlab.example'])
    assert.equal(kindOf(host), 'gitlab');
  for (const host of ['github.com', 'git.example.org', 'notgitlab.example', 'my-gitlab.example'])
    assert.equal(kindOf(host), 'github');
});

test('a page is opened only when it is the forge’s', () => {
  assert.ok(isPageOf('github.com', 'https://github.com/acme/shop/pull/4'));
  for (const address of [
    'https://github.com.evil.example/acme/shop/pull/4',
    'https://evil.example/github.com',
    'https://github.com@evil.example/',
    'https://me@github.com/acme',
    'https://:pw@github.com/acme',
    'https://github.com\\@evil.example/',
    'https://ｇithub.com/acme',
    'https://git\nhub.com/acme',
    'file:///github.com/acme',
    'javascript:alert(1)',
    'command:x',
    'https://github.com:444/a',
  ])
    assert.ok(!isPageOf('github.com', address), address);
});
