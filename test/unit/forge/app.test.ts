/** An app's signed note, and what its tokens are asked for. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import { appJwt, grantedOf, readAppKey } from '../../../server/forge/github/app.ts';
import { KeptAnswers } from '../../../server/forge/http/kept-answers.ts';
import { appManifest, appSettingsUrl, manifestTarget } from '../../../server/forge/github/manifest.ts';
import { verdictOf } from '../../../server/forge/github/schemas.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

test('the note is signed, for a minute back and nine ahead', () => {
  const note = appJwt('42', privateKey, 1_700_000_000_999);
  const [header = '', claims = '', signature = ''] = note.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown;
  assert.deepEqual(read(header), { alg: 'RS256', typ: 'JWT' });
  assert.deepEqual(read(claims), { iat: 1_699_999_940, exp: 1_700_000_540, iss: '42' });
  const signed = Buffer.from(`${header}.${claims}`);
  assert.ok(verify('RSA-SHA256', signed, publicKey, Buffer.from(signature, 'base64url')));
});

test('a key of another kind is refused, and not repeated', () => {
  const { privateKey: other } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = other.export({ type: 'pkcs8', format: 'pem' }).toString();
  for (const bad of [pem, 'needle'])
    assert.throws(
      () => readAppKey(bad, 'github.com'),
      (error: Error & { wire?: unknown }) =>
        !JSON.stringify([error.message, error.wire]).includes(bad.trim()),
    );
});

test('a token is asked for what its purpose needs, and not for more than the app has', () => {
  const all = {
    contents: 'write',
    pull_requests: 'write',
    metadata: 'read',
    issues: 'read',
    checks: 'read',
    administration: 'write',
  };
  assert.deepEqual(grantedOf('read', all), {
    ask: { contents: 'read', metadata: 'read', pull_requests: 'read', issues: 'read', checks: 'read' },
  });
  assert.deepEqual(grantedOf('write', all), {
    ask: { contents: 'write', pull_requests: 'write', metadata: 'read' },
  });
  assert.deepEqual(grantedOf('write', { contents: 'write' }), { missing: 'pull requests: write' });
  assert.deepEqual(grantedOf('read', { contents: 'admin' }), { ask: { contents: 'read', metadata: 'read' } });
  assert.deepEqual(grantedOf('read', { contents: 'nonsense' }), { missing: 'contents: read' });
});

test('an app is asked for at its owner’s page, with a webhook only where one can come', () => {
  assert.equal(manifestTarget('https://github.com', 'a_b'), 'https://github.com/settings/apps/new?state=a_b');
  assert.equal(
    manifestTarget('https://git.example', 's', 'my/org'),
    'https://git.example/organizations/my%2Forg/settings/apps/new?state=s',
  );
  const at = 'http://127.0.0.1';
  const parts = { suffix: 'abc123', redirectUrl: `${at}/x`, homepage: at, answersIssues: false };
  const local = appManifest(parts);
  assert.deepEqual([local.hook_attributes.active, local.default_events], [false, []]);
  assert.ok(local.name.length <= 34);
  const open = appManifest({ ...parts, webhookUrl: 'https://codex.example/hook' });
  assert.deepEqual(open.hook_attributes, { url: 'https://codex.example/hook', active: true });
  assert.ok(open.default_events.includes('issue_comment'));
});

test('an app is asked for the least, and for answers below issues only when that is wanted', () => {
  const parts = { suffix: 'a', redirectUrl: 'https://x/', homepage: 'https://x/' };
  const least = {
    contents: 'write',
    pull_requests: 'write',
    metadata: 'read',
    issues: 'read',
    checks: 'read',
  };
  assert.deepEqual(appManifest({ ...parts, answersIssues: false }).default_permissions, least);
  assert.deepEqual(appManifest({ ...parts, answersIssues: true }).default_permissions, {
    ...least,
    issues: 'write',
  });
});

test('where an app is given more is at its owner’s settings', () => {
  const at = (owner: { login: string; type?: string } | null, slug?: string) =>
    appSettingsUrl('https://git.example', { owner, slug });
  assert.equal(
    at({ login: 'octo', type: 'User' }, 'my-app'),
    'https://git.example/settings/apps/my-app/permissions',
  );
  assert.equal(
    at({ login: 'org', type: 'Organization' }, 'my-app'),
    'https://git.example/organizations/org/settings/apps/my-app/permissions',
  );
  assert.equal(at(null), null);
});

test('answers are kept up to a size, and the one that was not used goes first', () => {
  const answers = new KeptAnswers(2_000);
  const keep = (url: string, text: string) => answers.keep(url, { etag: 'e', text, link: null });
  keep('a', 'x'.repeat(400));
  keep('b', 'x'.repeat(400));
  assert.ok(answers.get('a'));
  keep('c', 'x'.repeat(400));
  assert.deepEqual(
    [answers.get('a') !== null, answers.get('b'), answers.get('c') !== null],
    [true, null, true],
  );
  keep('a', 'new');
  assert.equal(answers.get('a')?.text, 'new');
  keep('large', 'x'.repeat(4_000));
  assert.deepEqual([answers.get('large'), answers.get('a')], [null, null]);
});

test('only words of those who may approve count, the newest of each', () => {
  let at = 0;
  const review = (user: string, state: string, author_association = 'MEMBER') => ({
    id: ++at,
    user,
    body: '',
    state,
    html_url: 'https://x',
    submitted_at: at,
    author_association,
  });
  assert.equal(verdictOf([]), null);
  assert.equal(verdictOf([review('a', 'APPROVED', 'NONE'), review('b', 'COMMENTED')]), null);
  const asked = [review('a', 'CHANGES_REQUESTED'), review('a', 'COMMENTED'), review('b', 'APPROVED')];
  assert.equal(verdictOf(asked), 'changesRequested');
  assert.equal(verdictOf([...asked, review('a', 'DISMISSED')]), 'approved');
  assert.equal(verdictOf([...asked, review('a', 'APPROVED')].toReversed()), 'approved');
});
