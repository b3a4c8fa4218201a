/** The patch as a command: pasted into a shell, in any folder of the repository, it makes the result. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { after, test } from 'node:test';
import { asCommand } from '../../../client/patch/index.ts';
import {
  diff,
  expectedTree,
  git,
  GIT_ENV,
  readTree,
  scratch,
  treeId,
  writeTree,
  type Tree,
} from './trees.ts';

const base = scratch('command');
after(() => fs.rmSync(base, { recursive: true, force: true }));
const store = `${base}/store.git`;
git(base, ['init', '-q', '--bare', store]);

const file = (text: string | Buffer) => ({ mode: '100644' as const, bytes: Buffer.from(text) });
const CASES: Record<string, [Tree, Tree]> = {
  'plain text': [
    new Map([['sub/f', file('PATCH\n$HOME `id` \\ \'"\n')]]),
    new Map([['sub/f', file('PATCH\nPATCH1\n$HOME `id` $(id) \\\\ \'"\n')]]),
  ],
  'white space that a setting would mend': [
    new Map([['sub/f', file('a\n')]]),
    new Map([['sub/f', file('a  \n\t \n   \tb\n\n\n')]]),
  ],
  'CRLF, Latin-1 and control characters': [
    new Map([['sub/f', file('a\r\n')]]),
    new Map([['sub/f', file(Buffer.from('b\r\n\xfc\x1b[31m\n', 'latin1'))]]),
  ],
  binary: [new Map([['sub/f', file('a\n')]]), new Map([['sub/f', file(Buffer.from([0, 1, 2, 255]))]])],
};

for (const [what, [from, to]] of Object.entries(CASES)) {
  test(`${what} survives the shell`, () => {
    const [one, two] = [`${base}/from`, `${base}/to`];
    for (const [folder, tree] of [[one, from], [two, to]] as const) {
      fs.rmSync(folder, { recursive: true, force: true });
      fs.mkdirSync(folder);
      writeTree(folder, tree);
    }
    const patch = diff(store, treeId(store, one), treeId(store, two));
    git(one, ['init', '-q']);
    git(one, ['config', 'apply.whitespace', 'fix']);
    const command = asCommand(patch);
    assert.equal(command.includes('base64'), what === 'CRLF, Latin-1 and control characters');
    execFileSync('bash', ['-e'], { cwd: `${one}/sub`, env: GIT_ENV, input: command });
    assert.deepEqual(readTree(one), expectedTree(to));
  });
} // prettier-ignore
