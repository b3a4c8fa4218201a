/** Windows is refused, and told what is there to do instead. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { newTask, scratchDir } from '../../integration/sandbox/help.ts';
import { LocalDriver } from '../../../server/sandbox/local/driver.ts';
import { windows } from '../../../server/sandbox/local/windows/platform.ts';
import { parseDistributions, windowsRefusal } from '../../../server/sandbox/local/windows/wsl.ts';

const TABLE = [
  '  NAME                   STATE           VERSION',
  '* Ubuntu-24.04           Running         2',
  '  My own Linux           Stopped         1',
  '  docker-desktop         Running         2',
  '',
].join('\r\n');

describe('Windows', () => {
  test('is asked for its distributions, in the encoding and language that it answers in', () => {
    const expected = [
      { name: 'Ubuntu-24.04', version: 2, isDefault: true },
      { name: 'My own Linux', version: 1, isDefault: false },
    ];
    assert.deepEqual(parseDistributions(Buffer.from(TABLE, 'utf16le')), expected);
    assert.deepEqual(parseDistributions(Buffer.from(`\uFEFF${TABLE}`, 'utf16le')), expected);
    assert.deepEqual(parseDistributions(Buffer.from(TABLE)), expected);
    const german = TABLE.replace('Running        ', 'Wird ausgeführt').replace('STATE ', 'STATUS');
    assert.deepEqual(parseDistributions(Buffer.from(german, 'utf16le')), expected);
    assert.deepEqual(
      parseDistributions(Buffer.from('Windows-Subsystem für Linux hat keine Distributionen.')),
      [],
    );
    assert.deepEqual(parseDistributions(Buffer.alloc(0)), []);
  });

  test('is refused with the next step, whatever there is', () => {
    const two = { name: 'Debian', version: 2, isDefault: false } as const;
    const one = { name: 'Old', version: 1, isDefault: true } as const;
    assert.match(windowsRefusal(null), /no confinement.*\(wsl --install\).*Docker/);
    assert.match(windowsRefusal([]), /wsl --install -d Debian.*Docker/);
    assert.match(windowsRefusal([one]), /Old runs in WSL 1.*wsl --set-version "Old" 2.*Docker/);
    assert.match(
      windowsRefusal([one, two]),
      /but Debian in WSL 2 has one.*Reopen Folder in WSL.*wsl -d "Debian".*Docker/,
    );
    assert.match(windowsRefusal([two, { ...two, name: 'Mine', isDefault: true }]), /but Mine in WSL 2/);
  });

  test('starts nothing, with WSL or without', async (t) => {
    const scratch = scratchDir();
    t.after(scratch.remove);
    const wsl = join(scratch.path, 'wsl.exe');
    writeFileSync(wsl, `#!/bin/sh\n[ "$*" = '--list --verbose' ] && printf '* Ubuntu  Running  2\\r\\n'\n`, {
      mode: 0o755,
    });
    for (const [path, said] of [
      [wsl, /Ubuntu in WSL 2/],
      [join(scratch.path, 'none'), /wsl --install/],
    ] as const) {
      const driver = new LocalDriver(scratch.path, windows(path));
      const { ok, detail } = await driver.check();
      assert.equal(ok, false);
      assert.match(detail, said);
      await assert.rejects(driver.open(newTask()), { code: 'sandboxUnavailable' });
      assert.deepEqual(await driver.list(), []);
    }
  });
});
