/** Repositories, names and prompts that are made to break something: the task goes its way, the terminal is safe. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { git } from '../support/git.ts';
import { assertSentence, codexTasks, fingerprint, outcomeOf, place, repository, runOn } from './harness.ts';

const here = place();
/** Everything but a line feed that a terminal would obey. */
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

describe('hostile', { concurrency: 3 }, () => {
  test('no escape sequence of the agent, of a name or of an answer reaches the terminal', async () => {
    const repo = await repository(here.at('escapes'));
    const script = [
      String.raw`$ printf '\033]0;owned\007\033[2J\033[1A\033]52;c;cm0=\007 \302\233 8\b \342\200\256 red\n'`,
      String.raw`$ printf x > "$(printf 'line\n\033[2J✓ Completed\033]0;t\007')"; printf x > "$(printf 'evil.sh\rREADME')"`,
      String.raw`$ printf 'cut off \033[3'; printf '1m\033'; printf ']0;half'`,
    ].join('\n');
    const { code, stdout, stderr } = await runOn(here, repo, [script], {
      env: { FORCE_COLOR: '0' },
    }).ended;
    assert.equal(code, 0, stdout);
    assert.doesNotMatch(stdout + stderr, OBEYED);
    const lines = stdout.split('\n');
    assert.equal(lines.filter((line) => line.startsWith('✓ Completed')).length, 1);
    assert.ok(
      lines.some((line) => line.includes(String.raw`A evil.sh\x0dREADME`)),
      stdout,
    );
    assert.ok(
      lines.some((line) => line.includes(String.raw`A line\n\x1b[2J✓ Completed`)),
      stdout,
    );
    // With colour only our own: select graphic rendition, of the few codes that are used.
    const coloured = await runOn(here, repo, [script], { env: { FORCE_COLOR: '1' } }).ended;
    assert.doesNotMatch(coloured.stdout.replace(/\u001b\[(1|2|3[1236]|22|39)m/g, ''), OBEYED);
  });

  test('names with line feeds, quotes and bytes that are no UTF-8 come through and are applied', async () => {
    const repo = await repository(here.at('names'));
    const { result } = await outcomeOf(
      runOn(here, repo, [
        '--json',
        '--apply',
        String.raw`$ printf 1 > "$(printf 'a\nb')"; printf 2 > "$(printf '\377\376')"; printf 3 > ' "quoted" \'; printf 4 > -rf`,
      ]),
    );
    assert.equal(result.patch?.files, 4);
    const names = (await readdir(repo, { encoding: 'buffer' })).map((name) => name.toString('latin1'));
    for (const name of ['a\nb', '\xff\xfe', ' "quoted" \\', '-rf']) assert.ok(names.includes(name), name);
  });

  test('a result of a thousand times fifty files arrives whole', { timeout: 110_000 }, async () => {
    const repo = await repository(here.at('many'));
    const make = `$ for d in $(seq 50); do mkdir d$d; seq -f d$d/a-name-that-is-not-short-%g.txt 1000 | xargs touch; done`;
    const { result, code, stderr } = await outcomeOf(runOn(here, repo, ['--json', make]));
    assert.equal(code, 0, stderr);
    assert.equal(result.patch?.files, 50_000);
    assert.equal((await readFile(result.patch.path, 'utf8')).match(/^diff --git /gm)?.length, 50_000);
  });

  test('a filter that .gitattributes names is run by nobody but the person’s own git', async () => {
    const marks = here.at('marks');
    const repo = await repository(here.at('filter'), { '.gitattributes': '*.txt filter=evil\n' });
    git(repo, ['config', 'filter.evil.smudge', `sh -c 'touch ${marks}-smudge; cat'`]);
    const plant = String.raw`$ git config filter.evil.clean 'touch ${marks}-sandbox; cat'; git config --global core.fsmonitor 'touch ${marks}-fs #'; mkdir -p .git/hooks; printf '#!/bin/sh\ntouch ${marks}-hook' > .git/hooks/post-index-change; chmod +x .git/hooks/*; echo two >> a.txt; git status`;
    const { result } = await outcomeOf(runOn(here, repo, ['--json', '--apply', plant]));
    assert.equal(result.patch?.files, 1);
    assert.equal(await readFile(here.at('filter', 'a.txt'), 'utf8'), 'one\ntwo\n');
    for (const by of ['smudge', 'sandbox', 'fs', 'hook']) assert.ok(!existsSync(`${marks}-${by}`), by);
  });

  test('branches in any script work, and one that looks like an option does too', async () => {
    const repo = await repository(here.at('branches'));
    git(repo, ['checkout', '-q', '-b', 'zweig/日本-ü']);
    const look = ['--json', '$ git symbolic-ref --short HEAD'];
    assert.equal((await outcomeOf(runOn(here, repo, look))).output, 'zweig/日本-ü\n');
    git(repo, ['update-ref', 'refs/heads/-rf', 'HEAD']);
    git(repo, ['symbolic-ref', 'HEAD', 'refs/heads/-rf']);
    const before = await fingerprint(repo);
    assert.equal((await outcomeOf(runOn(here, repo, look))).result.status, 'completed');
    assert.equal((await outcomeOf(runOn(here, repo, ['--ref=-rf', ...look]))).result.status, 'completed');
    assert.deepEqual(await fingerprint(repo), before);
  });

  test('a ref that is none, or an option, is named as such', async () => {
    const repo = await repository(here.at('refs'));
    for (const ref of ['nowhere', '--upload-pack=touch x', 'HEAD~7', '']) {
      const { code, stdout } = await runOn(here, repo, [`--ref=${ref}`, 'x']).ended;
      assert.equal(code, 1);
      assertSentence(
        stdout,
        /There is no (branch, tag or commit “[^”]+”|such branch, tag or commit) in this repository\. Fetch it, or name/,
      );
    }
  });

  test('a prompt that is empty, blank or too long is refused before anything starts', async () => {
    const repo = await repository(here.at('prompts'));
    const at = ['run', '--repo', repo, '--data', here.at('unused')];
    const cases: [string[], string | undefined, RegExp][] = [
      [[], undefined, /The prompt is missing\. Say/],
      [[''], undefined, /The prompt is missing\. Say/],
      [[' \n\t'], undefined, /The prompt is missing\. Say/],
      [['-'], '', /The prompt on standard input is empty/],
      [['-'], ' \n ', /The prompt on standard input is empty/],
      [['-'], 'x'.repeat(600 * 1024), /The prompt is longer than 256 K\S+ Put what is long into a file/],
    ];
    for (const [args, input, says] of cases) {
      const { code, stdout, stderr } = await codexTasks(
        [...at, ...args],
        input === undefined ? {} : { input },
      ).ended;
      assert.deepEqual([code, stdout], [2, '']);
      assertSentence(stderr, says);
    }
    assert.ok(!existsSync(here.at('unused')), 'no backend was started for it');
  });

  test('a prompt that is too large as a message is refused at once', async () => {
    const repo = await repository(here.at('large'));
    const { result, stderr } = await outcomeOf(
      runOn(here, repo, ['--json', '-'], { input: '\u0001'.repeat(250_000) }),
    );
    assert.equal(result.error?.code, 'frameTooLarge', stderr);
  });
});
