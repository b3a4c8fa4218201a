/** Where comments start tasks, as a person sees it in VS Code: the rows, the question, what is written by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { english, errorWords, webhookProblem, webhookWords } from '../../../../client/words/index.ts';
import { commentRows, onQuestion, repositoryOf } from '../../../../extension/pull-requests/comment-tasks.ts';
import type { ForgeView, TriggerView } from '../../../../protocol/forge.ts';

const HOOK = 'https://codex.example.org/api/v1/forges/github.com/webhook';
const forge = (more: Partial<ForgeView> = {}): ForgeView => ({
  ...{ host: 'github.com', kind: 'github', how: 'token', from: 'owner', apiUrl: 'https://api.github.com' },
  webhook: { url: HOOK, signed: true },
  ...more,
});
const GITLAB: ForgeView = { ...forge(), host: 'gitlab.com', kind: 'gitlab', webhook: undefined };
const at = (repo: string, host = 'github.com') => ({ host, repo });
const on = (repo: string, more: Partial<TriggerView> = {}): TriggerView => ({
  ...{ ...at(repo), enabledBy: 'owner', enabledAt: 1 },
  ...more,
});
const NOTHING = { forges: [forge()], triggers: [], repos: [], open: null };
const shown = (known: Partial<Parameters<typeof commentRows>[0]>) =>
  commentRows({ ...NOTHING, ...known }, english).map(({ label, description }) => `${label} ${description}`);

test('each repository is listed once: the open folder’s, those where it is on, those that the backend has', () => {
  assert.deepEqual(
    shown({
      open: at('acme/parcel'),
      triggers: [on('acme/lib', { environment: 'small' })],
      repos: [at('Acme/Parcel'), at('acme/lib'), at('acme/shop'), at('else/where', 'other.example')],
    }),
    [
      '$(circle-large-outline) acme/parcel off · github.com',
      '$(pass-filled) acme/lib on · environment small · github.com',
      '$(circle-large-outline) acme/shop off · github.com',
    ],
  );
});

test('where no comment would be heard it says so, and what is on there can be turned off', () => {
  const forges = [forge({ webhook: { url: HOOK, signed: false } }), GITLAB];
  const rows = commentRows(
    {
      ...{ forges, open: at('acme/parcel'), repos: [at('group/app', 'gitlab.com')] },
      triggers: [on('acme/lib'), on('acme/gone', { host: 'gone.example' })],
    },
    english,
  );
  assert.deepEqual(
    rows.map(({ label, description, detail, isOn }) => [label, description, detail, isOn]),
    [
      ['$(circle-large-outline) acme/parcel', 'off · github.com · no webhook', undefined, false],
      [
        '$(warning) acme/lib',
        'on · environment default · github.com',
        'No comment is heard there now. Enter turns it off.',
        true,
      ],
      [
        '$(warning) acme/gone',
        'on · environment default · gone.example',
        'No comment is heard there now. Enter turns it off.',
        true,
      ],
      ['$(circle-large-outline) group/app', 'off · gitlab.com · no webhook', undefined, false],
    ],
  );
});

test('before it is turned on a person reads who may start tasks, what they cost, where answers go, what is left to do', () => {
  const { question, detail } = onQuestion(at('acme/parcel'), forge(), 'small', english);
  assert.equal(question, 'Let comments in acme/parcel start tasks?');
  for (const said of [
    /who may write to acme\/parcel: github\.com is asked each time/,
    /environment “small” and costs what the backend’s model costs/,
    /Its answer is a comment/,
    /token needs the permission “Issues: Read and write”/,
  ])
    assert.match(detail, said);
  assert.match(detail, /github\.com needs a webhook, .*webhookSecret/);
  assert.ok(detail.endsWith(`: ${HOOK}`));
});

test('a webhook has its address, who sees to it, and a sentence on what is missing', () => {
  assert.equal(webhookWords(forge({ how: 'app', from: 'client' })), `The app sends its webhooks to ${HOOK}`);
  assert.match(webhookWords(forge({ webhook: { signed: true } })), /until publicUrl is set/);
  assert.equal(webhookProblem(forge()), null);
  const said = (of: ForgeView) => errorWords(webhookProblem(of)?.wire ?? assert.fail());
  assert.match(said(GITLAB).text, /^Comments at gitlab\.com can’t start tasks/);
  const unsigned = said(forge({ webhook: { signed: false } }));
  assert.match(unsigned.text, /^No webhook secret was agreed on with github\.com/);
  assert.equal(unsigned.action?.id, 'connectForge');
});

test('a repository is written as its name, with its host, or as the address of any page of it', () => {
  const forges = [forge(), forge({ host: 'git.example.org:8443' }), GITLAB];
  const cases: [string, ReturnType<typeof repositoryOf>][] = [
    ['acme/parcel', at('acme/parcel')],
    [' git.example.org:8443/team/app ', at('team/app', 'git.example.org:8443')],
    ['https://github.com/acme/parcel/issues/7?x#y', at('acme/parcel')],
    ['git@github.com:acme/parcel.git', at('acme/parcel')],
    ['https://gitlab.com/group/sub/app', at('group/sub/app', 'gitlab.com')],
    ['parcel', null],
    ['a b/c', null],
    ['https://github.com/', null],
  ];
  for (const [written, found] of cases) assert.deepEqual(repositoryOf(written, forges), found, written);
});
