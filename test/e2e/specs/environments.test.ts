/**
 * Environments in a real VS Code, against a real backend: made, edited, saved field by field; secrets
 * whose values are nowhere but in the backend; changes of two people; what is typed is never lost.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { Frame } from 'playwright-core';
import { connect as connectTo, type BackendConnection } from '../../../client/connection/index.ts';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import type { StoredEnvironment } from '../../../protocol/environment.ts';
import { write } from '../../support/git.ts';
import { nameless, paleText } from '../harness/look.ts';
import { connect, openSession, withEvidence, type Session } from '../harness/session.ts';
import { eventually, THEMES, type Theme } from '../harness/window.ts';

const SECRET = 'fish-4711-under-the-bridge';
const NEXT_SECRET = 'crow-0815-above-the-tower';

let session: Session;
let other: BackendConnection;

before(async () => {
  session = await openSession({ script: 'ask.yaml' });
  const { window, backend, folder } = session;
  write(
    folder,
    '.codex/environment.yaml',
    'version: 1\nversions: { python: "3.12" }\nvariables: { TZ: UTC }\nworkdir: src\n',
  );
  other = connectTo({
    url: backend.url,
    token: async () => backend.token,
    client: { name: 'codex-tasks-test', version: '0' },
    openSocket: nodeSocket(),
  });
  await withEvidence(session, 'environments-connect', async () => {
    await connect(window, backend.url, backend.token);
    await window.openSideBar();
    const composer = await window.webview('main .about');
    await composer.getByRole('button', { name: 'No internet' }).waitFor();
  });
});
after(async () => {
  other?.close();
  await session?.close();
});

const openPage = async (): Promise<Frame> => {
  await session.window.runCommand('Codex: Environments…');
  return session.window.webview('.page section');
};
const stored = async (name = 'web'): Promise<StoredEnvironment> =>
  (await other.call('environment.get', { name })).environment;
const save = async (page: Frame) => {
  await page.getByRole('button', { name: /^Save \(/ }).click();
  await page.getByRole('button', { name: 'Discard Changes' }).waitFor({ state: 'detached' });
};

test('one is made; the repository’s file and the defaults stand in fields that are not set', async () => {
  const { window } = session;
  await withEvidence(session, 'environments-make', async () => {
    const page = await openPage();
    await page.getByRole('option', { name: /^default/ }).waitFor();
    await page.getByRole('button', { name: 'New Environment' }).first().click();
    await window.answerInput(/Its name\. It starts without internet access/, 'web');
    await page.getByRole('heading', { name: 'web' }).waitFor();
    await page.getByRole('option', { name: /^web/, selected: true }).waitFor();
    const placeholder = (label: string) =>
      page.getByLabel(label, { exact: true }).getAttribute('placeholder');
    assert.equal(await placeholder('Python'), '3.12 (repository)');
    assert.equal(await placeholder('Working folder'), 'src (repository)');
    assert.equal(await placeholder('Node.js'), 'the image’s own');
    assert.equal(await placeholder('Memory'), '4 (default)');
    await page.getByRole('cell', { name: 'TZ' }).waitFor();
    await window.screenshot('environments-new-dark');
  });
});

test('mistakes are told next to their field, and nothing is saved until they are gone', async () => {
  const { window } = session;
  await withEvidence(session, 'environments-edit', async () => {
    const page = await openPage();
    await page.getByLabel('Image', { exact: true }).selectOption('universal');
    await page.getByLabel('Node.js').fill('22');
    await page.getByLabel('Processors').fill('999');
    await page.getByRole('button', { name: 'Add Variable' }).click();
    const name = page.getByLabel('Name of variable 1');
    await name.fill('PATH');
    await page.getByText('PATH is set by Codex itself. Choose another name.').waitFor();
    await page.getByText('Between 0.1 and 128.').waitFor();
    assert.equal(await name.getAttribute('aria-invalid'), 'true');
    await window.screenshot('environments-mistakes-dark');
    await window.page.keyboard.press('Control+s');
    assert.equal((await stored()).image, undefined, 'nothing was saved');

    await name.fill('GREETING');
    await page.getByLabel('Value of GREETING').fill('two\nlines');
    await page.getByLabel('Processors').fill('1.5');
    await page
      .getByRole('radiogroup', { name: 'Setup script' })
      .getByRole('radio', { name: 'Script' })
      .click();
    await page.getByRole('textbox', { name: 'Setup script' }).fill('echo prepared > /tmp/prepared\n');
    await page.getByLabel('Cache time').fill('24');
    await page.getByLabel('Ask before a command runs').selectOption('onRisk');
    await page.getByLabel('Allowed commands').fill('npm test');
    await save(page);
    const { internet, updatedAt, updatedBy, ...fields } = await stored();
    assert.ok(internet.agent.access === 'off' && updatedAt > 0 && typeof updatedBy === 'string');
    assert.deepEqual(fields, {
      name: 'web',
      image: 'universal',
      versions: { node: '22' },
      variables: { GREETING: 'two\nlines' },
      setup: 'echo prepared > /tmp/prepared\n',
      resources: { cpus: 1.5 },
      cacheMs: 24 * 3_600_000,
      approval: { policy: 'onRisk', allow: ['npm test'], deny: [] },
    });
  });
});

test('a field that is emptied is unset again', async () => {
  await withEvidence(session, 'environments-unset', async () => {
    const page = await openPage();
    await page.getByLabel('Node.js').fill('');
    await page.getByLabel('Cache time').fill('');
    await page.getByLabel('Image', { exact: true }).selectOption('');
    await save(page);
    const now = await stored();
    assert.deepEqual([now.versions, now.cacheMs, now.image], [undefined, undefined, undefined]);
    assert.equal(now.setup, 'echo prepared > /tmp/prepared\n');
  });
});

test('a secret goes in by VS Code’s own password input and is nowhere to be read', async () => {
  const { window } = session;
  await withEvidence(session, 'environments-secrets', async () => {
    const page = await openPage();
    await page.getByRole('button', { name: 'Add Secret' }).click();
    await window.answerInput(/The name of its variable/, 'NPM_TOKEN');
    await window.waitForInput(/Value of NPM_TOKEN in “web”/);
    assert.equal(await window.quickInput.getAttribute('type'), 'password');
    await window.quickInput.fill('short');
    await window.acceptInput();
    await window.waitForInput(/Between 8 bytes and 64 KiB/);
    await window.quickInput.fill(SECRET);
    await window.screenshot('environments-secret-dark');
    await window.acceptInput();
    await page.getByRole('cell', { name: 'NPM_TOKEN', exact: true }).waitFor();

    const since = async () => (await other.call('secret.list', { environment: 'web' })).secrets[0]?.updatedAt;
    const first = await since();
    await page.getByRole('button', { name: 'Replace NPM_TOKEN' }).click();
    await window.answerInput(/Value of NPM_TOKEN/, NEXT_SECRET);
    await eventually('the newer value', async () => (await since()) !== first);
    await window.page.locator('.quick-input-widget').first().waitFor({ state: 'hidden' });
    const texts = await Promise.all(
      window.page.frames().map((frame) =>
        frame
          .evaluate(() => {
            const fields = [...document.querySelectorAll<HTMLInputElement>('input, textarea')];
            return [document.documentElement.outerHTML, ...fields.map(({ value }) => value)].join('\n');
          })
          .catch(() => ''),
      ),
    );
    const state = await page.evaluate(() => JSON.stringify(document.body.dataset));
    const everything = [...texts, state, session.backend.output(), await session.server.logs()].join('\n');
    assert.ok(everything.includes('NPM_TOKEN'), 'the page itself is among what is searched');
    for (const value of [SECRET, NEXT_SECRET]) {
      const at = everything.indexOf(value);
      assert.equal(at < 0 ? '' : everything.slice(Math.max(0, at - 200), at), '');
    }

    await page.getByRole('button', { name: 'Delete NPM_TOKEN' }).click();
    await window.dialog().getByText('Delete the secret “NPM_TOKEN” of “web”?').waitFor();
    await window.answerDialog('Delete');
    await page.getByRole('cell', { name: 'NPM_TOKEN', exact: true }).waitFor({ state: 'detached' });
    assert.deepEqual((await other.call('secret.list', { environment: 'web' })).secrets, []);
  });
});

test('changed elsewhere meanwhile: other fields are taken over, the same field is a question', async () => {
  const { window } = session;
  await withEvidence(session, 'environments-conflict', async () => {
    const page = await openPage();
    await page.getByLabel('Working folder').fill('mine');
    await other.call('environment.put', {
      environment: { ...(await stored()), workdir: 'theirs', image: 'base' },
    });
    await saveOrBeTold(page);
    await page.getByText('while you changed it here: Image, Working folder.').waitFor();
    assert.equal(await page.getByLabel('Working folder').inputValue(), 'mine', 'what was typed stays');
    assert.equal((await stored()).workdir, 'theirs', 'nothing was written');
    await window.screenshot('environments-conflict-dark');
    await page.getByRole('button', { name: 'Overwrite with Mine' }).click();
    await eventually('mine', async () => (await stored()).workdir === 'mine');
    assert.equal((await stored()).image, 'base', 'what only they changed is kept');
    await page.getByRole('button', { name: 'Overwrite with Mine' }).waitFor({ state: 'hidden' });

    await page.getByLabel('Working folder').fill('mine again');
    await other.call('environment.put', { environment: { ...(await stored()), workdir: 'theirs' } });
    await saveOrBeTold(page);
    await page.getByRole('button', { name: 'Reload and Drop My Changes' }).click();
    await eventually(
      'theirs',
      async () => (await page.getByLabel('Working folder').inputValue()) === 'theirs',
    );
  });
});

/** A save tells of a change elsewhere; one still on its way keeps the button from being pressed a while. */
async function saveOrBeTold(page: Frame): Promise<void> {
  const save = page.getByRole('button', { name: /^Save \(/ });
  const told = page.getByRole('button', { name: 'Overwrite with Mine' });
  await eventually('the conflict told', async () => {
    if (await told.isVisible()) return true;
    if (await save.isEnabled()) await save.click({ timeout: 2_000 }).catch(() => undefined);
    return told.isVisible();
  });
}

test('what is typed outlives a closed tab', async () => {
  const { window } = session;
  await withEvidence(session, 'environments-draft', async () => {
    const page = await openPage();
    await page.getByLabel('Working folder').fill('half a thou');
    await page.getByRole('option', { name: /changes that are not saved/ }).waitFor();
    // The page tells of it in a pause of typing: by its own clock, which stands still on a busy machine.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 600)));
    await window.runCommand('View: Close Editor');
    await eventually('the page gone', async () => page.isDetached());
    const again = await openPage();
    await again.getByRole('heading', { name: 'web' }).waitFor();
    assert.equal(await again.getByLabel('Working folder').inputValue(), 'half a thou');
    await again.getByRole('button', { name: 'Discard Changes' }).click();
    assert.equal(await again.getByLabel('Working folder').inputValue(), 'theirs');
  });
});

test('a script is edited in a tab of its own and saved there', async () => {
  const { window } = session;
  await withEvidence(session, 'environments-script', async () => {
    const page = await openPage();
    await page.getByRole('textbox', { name: 'Setup script' }).fill('echo typed on the page\n');
    await page.getByRole('button', { name: 'Edit Setup in a Tab' }).click();
    await window.page.locator('.tab.active', { hasText: 'setup.sh' }).waitFor();
    await window.page.locator('.monaco-editor .view-line', { hasText: 'typed on the page' }).waitFor();
    await window.screenshot('environments-script-dark');
    await window.page.locator('.editor-group-container.active .monaco-editor.focused').waitFor();
    await window.page.keyboard.press('Control+End');
    await window.page.keyboard.type('echo typed in the editor');
    await window.page.keyboard.press('Control+s');
    await eventually('the saved script', async () => {
      const { setup } = await stored();
      return setup === 'echo typed on the page\necho typed in the editor';
    });
    const again = await openPage();
    await eventually('the script on the page', async () => {
      const text = await again.getByRole('textbox', { name: 'Setup script' }).inputValue();
      return text.includes('typed in the editor');
    });
  });
});

test('internet access is said, and changed in VS Code’s own dialogs, which lead back here', async () => {
  const { window } = session;
  await withEvidence(session, 'environments-internet', async () => {
    const page = await openPage();
    await page.getByRole('button', { name: 'Change the Agent’s Access …' }).click();
    await window.waitForInput(/Internet Access of “web”/);
    await window.pick(/Common dependencies/);
    await window.dialog().getByText('posts your last commit to a stranger').waitFor();
    await window.answerDialog('Turn On');
    await window.waitForInput(/The common dependencies can be reached/);
    await window.pick(/All settings of this environment/);
    await page.getByText('The common dependencies can be reached').waitFor();
    const now = await stored();
    assert.equal(now.internet.agent.preset, 'common');
    assert.match(now.setup ?? '', /typed in the editor/, 'nothing else of it was changed');
    await page.getByRole('button', { name: 'Change the Setup’s Access …' }).click();
    await window.waitForInput(/Internet Access of “web” During Setup/);
    await window.page.keyboard.press('Escape');
  });
});

for (const theme of Object.keys(THEMES) as Theme[]) {
  test(`all text can be read in ${theme}, and what can be used has a name`, async () => {
    const { window } = session;
    await withEvidence(session, `environments-look-${theme}`, async () => {
      const page = await openPage();
      await window.useTheme(theme);
      await page.getByLabel('Processors').fill('0');
      await page.getByText('Between 0.1 and 128.').waitFor();
      assert.deepEqual(await paleText(page, 'editor'), []);
      assert.deepEqual(await nameless(page), []);
      await page.locator('#limits-title').scrollIntoViewIfNeeded();
      await window.screenshot(`environments-limits-${theme}`);
      await page.getByLabel('Processors').fill('1.5');
      await page.locator('#image-title').scrollIntoViewIfNeeded();
      await window.screenshot(`environments-${theme}`);
    });
  });
}

test('it fits a narrow editor', async () => {
  const { window } = session;
  await withEvidence(session, 'environments-narrow', async () => {
    await window.useTheme('dark');
    const page = await openPage();
    const size = window.page.viewportSize();
    assert.ok(size);
    await window.page.setViewportSize({ ...size, width: 760 });
    try {
      await page.getByLabel('Environment', { exact: true }).waitFor();
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.ok(wide <= 0, `${wide} px too wide`);
      await window.screenshot('environments-narrow-dark');
      await page.getByLabel('Environment', { exact: true }).selectOption('default');
      await page.getByRole('heading', { name: 'default' }).waitFor();
      await page.getByLabel('Environment', { exact: true }).selectOption('web');
    } finally {
      await window.page.setViewportSize(size);
    }
  });
});

test('it is copied without its secrets, chosen for new tasks, and deleted when asked', async () => {
  const { window } = session;
  await withEvidence(session, 'environments-copy', async () => {
    const page = await openPage();
    await page.getByRole('option', { name: /^web/ }).click();
    await page.getByRole('button', { name: 'Copy web' }).click();
    await window.answerInput(/Secrets are not copied/, 'web-2');
    await page.getByRole('heading', { name: 'web-2' }).waitFor();
    assert.equal((await stored('web-2')).setup, (await stored()).setup);
    await page.getByRole('button', { name: 'Use for New Tasks' }).click();
    await page.getByText('for new tasks').waitFor();
    await page.getByRole('button', { name: 'Delete web-2' }).click();
    await window.dialog().getByText('Delete the environment “web-2”?').waitFor();
    await window.answerDialog('Delete');
    await page.getByRole('option', { name: /^web-2/ }).waitFor({ state: 'detached' });
    await page.getByRole('heading', { name: 'default' }).waitFor();
  });
});
