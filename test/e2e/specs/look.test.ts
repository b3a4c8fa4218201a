/** The pages in every theme: text that can be read, names for what can be used, nothing cut off. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { nameless, paleText } from '../harness/look.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { eventually, THEMES, type Theme } from '../harness/window.ts';

const TASK_TIMEOUT_MS = 90_000;
/** Of the window: the composer’s part of it is too small for what it shows. */
const SMALL_PX = 340;
const PROMPT = 'A parcel without pieces makes the sum NaN. Fix it, and tidy up.';

let session: Session;

before(async () => {
  session = await openSession({ script: 'everything.yaml' });
  const { window, backend } = session;
  await withEvidence(session, 'look-connect', async () => {
    await connect(window, backend.url, backend.token);
    await window.openSideBar();
    const composer = await window.webview('main .about');
    await composer.getByRole('textbox').fill(PROMPT);
    await composer.getByRole('button', { name: /^Send/ }).click();
    const page = await window.webview('header h1', TASK_TIMEOUT_MS);
    await page.getByRole('button', { name: /^Apply \d+ files$/ }).waitFor({ timeout: TASK_TIMEOUT_MS });
  });
});
after(() => session?.close());

for (const theme of Object.keys(THEMES) as Theme[]) {
  test(`all text can be read in ${theme}`, async () => {
    const { window } = session;
    await withEvidence(session, `look-${theme}`, async () => {
      await window.useTheme(theme);
      const page = await window.webview('header h1');
      await window.screenshot(`look-${theme}`);
      assert.deepEqual(await paleText(page, 'editor'), []);
      assert.deepEqual(await paleText(await window.webview('main .about'), 'sideBar'), []);
    });
  });
}

test('the checks themselves see what is pale and what has no name', async () => {
  const page = await session.window.webview('header h1');
  await page.evaluate(() => {
    const bad = document.createElement('div');
    bad.id = 'bad';
    bad.style.background = '#ffffff';
    bad.innerHTML = '<span style="color: #73c991">+2</span><button><i></i></button>';
    document.body.append(bad);
  });
  try {
    assert.deepEqual(await paleText(page, 'editor'), ['2.00 SPAN: +2']);
    assert.equal((await nameless(page)).length, 1);
  } finally {
    await page.evaluate(() => document.getElementById('bad')?.remove());
  }
});

test('everything that can be used has a name', async () => {
  const { window } = session;
  const page = await window.webview('header h1');
  assert.deepEqual(await nameless(page), []);
  const composer = await window.webview('main .about');
  assert.deepEqual(await nameless(composer), []);
  await composer.getByRole('button', { name: 'Folder parcel, branch main' }).waitFor();
  const rows = await page.locator('.files').ariaSnapshot();
  assert.match(rows, /button "tool\.sh, executable"/);
  assert.match(rows, /button "latest, added, symlink"/);
  assert.match(rows, /button "docs\/guide\.txt, modified, 1 line added, 1 line removed"/);
  assert.doesNotMatch(rows, /100755/);
});

test('from the top of a task the keyboard reaches its actions, its log and the box for a follow-up, in order', async () => {
  const { window } = session;
  const page = await window.webview('header h1');
  const order = await page.evaluate(() =>
    [...document.querySelectorAll('vscode-button, button, [tabindex="0"], vscode-text-area')]
      .filter((element) => !element.closest('.scroller > *') && element.checkVisibility())
      .map(
        (element) =>
          element.closest('header, .stage, footer')?.className || element.closest('header, footer')?.tagName,
      )
      .filter((place, at, all) => place !== all[at - 1]),
  );
  assert.deepEqual(order, ['HEADER', 'stage', 'FOOTER']);
});

test('a composer made small scrolls to its last line', async () => {
  const { window } = session;
  const composer = await window.webview('main .about');
  const size = window.page.viewportSize();
  assert.ok(size);
  await window.page.setViewportSize({ ...size, height: SMALL_PX });
  try {
    const frame = await composer.frameElement();
    // By the wheel: a script could scroll also what a person can't.
    await eventually('the last line', async () => {
      const box = await frame.boundingBox();
      assert.ok(box);
      await window.page.mouse.move(box.x + box.width / 2, box.y + box.height - 5);
      await window.page.mouse.wheel(0, SMALL_PX);
      const { cut, scrolled } = await composer.evaluate(() => {
        const root = document.documentElement;
        const last = document.querySelector('main')?.lastElementChild?.getBoundingClientRect();
        return { cut: (last?.bottom ?? Infinity) > root.clientHeight + 1, scrolled: root.scrollTop > 0 };
      });
      return scrolled && !cut;
    });
  } finally {
    await window.page.setViewportSize(size);
  }
});
