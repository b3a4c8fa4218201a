import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { reasonOf } from '../../../server/repos/push-refusal.ts';

describe('why a forge refused a push', () => {
  test('in its own words, without their frame', () => {
    const said = [
      'error: GH013: Repository rule violations found for refs/heads/main.        ',
      'Review all repository rules at https://github.com/o/r/rules?ref=refs%2Fheads%2Fmain',
      '',
      '- Changes must be made through a pull request.',
      '-----',
    ].join('\n');
    assert.deepEqual(reasonOf({ reason: 'push declined due to repository rule violations', said }), {
      reason:
        'Repository rule violations found for refs/heads/main. Review all repository rules at https://github.com/o/r/rules?ref=refs%2Fheads%2Fmain Changes must be made through a pull request.',
      isProtected: true,
    });
  });

  test('or git’s, when it says nothing', () => {
    const refusal = { reason: 'pre-receive hook declined', said: '\n \n' };
    assert.deepEqual(reasonOf(refusal), { reason: 'pre-receive hook declined', isProtected: false });
  });

  test('or both, when its words may be about something else', () => {
    const reason =
      'refusing to allow a GitHub App to create or update workflow `x` without `workflows` permission';
    const said = 'Welcome to our forge.\n';
    assert.equal(reasonOf({ reason, said }).reason, `${reason}: Welcome to our forge.`);
  });

  test('a file that is too large is named', () => {
    const said =
      "error: Trace: 81ab\nerror: See https://gh.io/lfs for more information.\nerror: File a/ä b.bin is 143.05 MB; this exceeds GitHub's file size limit of 100.00 MB\nerror: GH001: Large files detected. You may want to try Git Large File Storage";
    const { path, isProtected } = reasonOf({ reason: 'pre-receive hook declined', said });
    assert.deepEqual([path, isProtected], ['a/ä b.bin', false]);
  });

  test('a secret that was found is not taken for a protected branch', () => {
    const said = [
      'error: GH013: Repository rule violations found for refs/heads/codex/x.',
      '',
      '- GITHUB PUSH PROTECTION',
      '  —————————————————————————————————————————',
      '    Resolve the following violations before pushing again',
      '',
      '    - Push cannot contain secrets',
      '',
      '      —— GitHub Personal Access Token ——————————————————————',
      '       locations:',
      '         - commit: 8728dbe67',
      '           path: .env:1',
    ].join('\n');
    const { reason, isProtected } = reasonOf({
      reason: 'push declined due to repository rule violations',
      said,
    });
    assert.equal(isProtected, false);
    assert.match(reason, /Push cannot contain secrets.*path: \.env:1/);
  });

  test('a page of it is cut', () => {
    const { reason } = reasonOf({ reason: 'no', said: 'word '.repeat(1_000) });
    assert.equal(reason.length, 500);
    assert.ok(reason.endsWith('…'));
  });
});
