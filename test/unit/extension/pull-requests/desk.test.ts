/** A pull request while a person makes it: what the page is told, what is kept, what is pushed and when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Desk, offersOf, type Way } from '../../../../extension/pull-requests/desk.ts';
import { CodexError } from '../../../../protocol/errors.ts';
import type { PullRequestDesk } from '../../../../protocol/pages.ts';
import type { PullRequestPreview, PullRequestView } from '../../../../protocol/pull-request.ts';

const VIEW: PullRequestView = {
  ...{
    host: 'github.com',
    kind: 'github',
    repo: 'acme/shop',
    number: 4,
    url: 'https://github.com/acme/shop/pull/4',
  },
  ...{
    title: 'Round',
    draft: false,
    branch: 'codex/round',
    base: 'main',
    state: 'open',
    turn: 1,
    attempt: 1,
  },
  ...{ by: 'backend', createdBy: 'me', createdAt: 1, updatedAt: 1 },
};
const PREVIEW: PullRequestPreview = {
  ...{ host: 'github.com', kind: 'github', repo: 'acme/shop', title: 'Round', body: 'Why', draft: false },
  ...{ branch: 'codex/round', base: 'main', turn: 1, attempt: 1, files: [], filesCut: false, delicate: [] },
  ...{ localChanges: false, unpushedCommits: 0, behind: 0, conflicts: [] },
};
const WRITTEN = { title: 'Round', body: 'Why', branch: 'codex/round', base: 'main', draft: false };

function scene(
  preview: Partial<PullRequestPreview> = {},
  fails: { preview?: unknown; publish?: unknown; refresh?: unknown } = {},
) {
  const done: string[] = [];
  const shown: PullRequestDesk[] = [];
  const views: PullRequestView[] = [];
  let kept = '';
  let release: (() => void) | null = null;
  const hold = { on: false };
  const way = (name: string): Way => {
    const publish = (what: string) => async (_form: unknown, _written: unknown, signal: AbortSignal) => {
      done.push(`${name} ${what}`);
      if (hold.on) {
        await new Promise<void>((resolve, reject) => {
          release = resolve;
          signal.addEventListener('abort', () => reject(new CodexError('cancelled')));
        });
      }
      if (fails.publish) throw fails.publish as Error;
      return VIEW;
    };
    return {
      preview: async () => {
        done.push(`${name} preview`);
        if (fails.preview) throw fails.preview as Error;
        return { ...PREVIEW, ...preview };
      },
      create: publish('create'),
      update: publish('update'),
    };
  };
  const desk = new Desk({
    ways: { backend: way('backend'), own: way('own') },
    mayOwn: async () => true,
    author: async () => ({ name: 'Ada', email: 'ada@example.org' }),
    refresh: async () => {
      done.push('refresh');
      if (fails.refresh) throw fails.refresh as Error;
      return VIEW;
    },
    draftsFirst: () => true,
    kept: { get: () => kept, set: (text) => (kept = text) },
    sentence: (thrown) => (thrown instanceof CodexError ? thrown.code : 'other'),
    show: (state) => shown.push(state),
    changed: (view) => views.push(view),
    isDismissal: (thrown) => thrown === 'dismissed',
  });
  return { desk, done, shown, views, fails, hold, kept: () => kept, release: () => release?.() };
}

test('nothing is pushed until the form is sent; then the form goes, and what was typed with it', async () => {
  const { desk, done, views, kept } = scene();
  await desk.prepare({ own: false });
  assert.deepEqual(done, ['backend preview']);
  const { form } = desk.state;
  assert.equal(form?.preview.draft, true, 'as the setting says');
  assert.deepEqual(form?.author, { name: 'Ada', email: 'ada@example.org' });
  desk.keep('{"title":"Round once"}');
  await desk.publish(WRITTEN);
  assert.deepEqual(done, ['backend preview', 'backend create']);
  assert.deepEqual(desk.state, { doing: 'nothing' });
  assert.equal(kept(), '');
  assert.equal(views.length, 1);
});

test('what was typed stays when publishing fails, when the form is put away, and when it is looked at anew', async () => {
  const { desk, fails, kept } = scene(
    {},
    { publish: new CodexError('forgeUnavailable', { host: 'github.com' }) },
  );
  await desk.prepare({ own: false });
  desk.keep('{"title":"Mine"}');
  await desk.publish(WRITTEN);
  assert.equal(desk.state.form?.kept, '{"title":"Mine"}');
  assert.deepEqual(desk.state.problem, { at: 'form', sentence: 'forgeUnavailable', offers: ['again'] });
  desk.leave();
  assert.deepEqual(desk.state, { doing: 'nothing' });
  await desk.prepare({ own: false });
  assert.equal(desk.state.form?.kept, '{"title":"Mine"}');
  delete fails.publish;
  await desk.publish(WRITTEN);
  assert.equal(kept(), '');
});

test('a backend that is not connected offers to connect, and the person’s own git, which then does all of it', async () => {
  const { desk, done, fails } = scene(
    {},
    { preview: new CodexError('forgeUnknown', { host: 'github.com' }) },
  );
  await desk.prepare({ own: false });
  assert.deepEqual(desk.state.problem, { at: 'form', sentence: 'forgeUnknown', offers: ['connect', 'own'] });
  delete fails.preview;
  await desk.prepare({ own: true });
  assert.equal(desk.state.form?.own, true);
  await desk.publish(WRITTEN);
  assert.deepEqual(done, ['backend preview', 'own preview', 'own create']);
});

test('an update with nothing to decide is made at once; with something, only after a look', async () => {
  const quick = scene({ existing: VIEW });
  await quick.desk.prepare({ own: false });
  assert.deepEqual(quick.done, ['backend preview', 'backend update']);

  const asked = scene({
    existing: VIEW,
    delicate: [{ path: '.gitmodules', why: 'submodule' }],
    delicateKey: 'k',
  });
  await asked.desk.prepare({ own: false });
  assert.deepEqual(asked.done, ['backend preview']);
  assert.equal(asked.desk.state.form?.asks, true);
  await asked.desk.publish({ ...WRITTEN, confirmed: 'k' });
  assert.deepEqual(asked.done, ['backend preview', 'backend update']);

  const palette = scene({ existing: VIEW });
  await palette.desk.prepare({ own: false }, true);
  assert.deepEqual(palette.done, ['backend preview'], 'asked for by another name, it is shown first');
});

test('of a look that failed only the look is done again, never a push', async () => {
  const { desk, done, fails } = scene(
    { existing: VIEW },
    { refresh: new CodexError('forgeUnknown', { host: 'github.com' }) },
  );
  await desk.refresh();
  assert.deepEqual(desk.state.problem, { at: 'card', sentence: 'forgeUnknown', offers: ['connect'] });
  fails.refresh = new CodexError('forgeUnavailable', { host: 'github.com' });
  await desk.again();
  assert.deepEqual(desk.state.problem?.offers, []);
  delete fails.refresh;
  await desk.again();
  assert.equal(desk.state.problem, undefined);
  assert.deepEqual(done, ['refresh', 'refresh', 'refresh']);
});

test('waiting can be given up, and twice sent is once published', async () => {
  const { desk, done, hold, shown } = scene();
  await desk.prepare({ own: false });
  hold.on = true;
  const first = desk.publish(WRITTEN);
  await desk.publish(WRITTEN);
  assert.equal(desk.state.doing, 'publishing');
  desk.leave();
  await first;
  assert.deepEqual(done, ['backend preview', 'backend create']);
  assert.equal(desk.state.doing, 'nothing');
  assert.equal(desk.state.problem, undefined);
  assert.ok(desk.state.form, 'and the form is there to be sent again');
  assert.ok(shown.some(({ doing }) => doing === 'publishing'));
});

test('what git said goes along with the sentence', async () => {
  const { desk } = scene({}, { publish: new CodexError('forgePushRefused', { output: 'lint failed' }) });
  await desk.prepare({ own: true });
  await desk.publish(WRITTEN);
  assert.equal(desk.state.problem?.output, 'lint failed');
});

test('a closed dialog is no error', async () => {
  const { desk } = scene({}, { publish: 'dismissed' });
  await desk.prepare({ own: true });
  await desk.publish(WRITTEN);
  assert.equal(desk.state.problem, undefined);
});

test('each failure has the step that helps', () => {
  const offers = (code: ConstructorParameters<typeof CodexError>[0], own = true) =>
    offersOf(new CodexError(code), own);
  assert.deepEqual(offers('forgeUnauthorized'), ['connect', 'own']);
  assert.deepEqual(offers('forgeForbidden', false), ['connect']);
  assert.deepEqual(offers('unknownMethod'), ['own']);
  assert.deepEqual(offers('forgeNotConfirmed'), ['again']);
  assert.deepEqual(offers('forgeRateLimited'), ['again']);
  assert.deepEqual(offers('branchNameInvalid'), []);
});
