/** Which commands are asked about, refused or run: a table, with every trick that we know of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Approval } from '../../../../protocol/environment.ts';
import { decide } from '../../../../server/agent/approval/decide.ts';

const WORKDIR = '/workspace/app';

function verdict(script: string | string[], approval: Partial<Approval> = {}): string {
  const argv = typeof script === 'string' ? ['bash', '-c', script] : script;
  const decided = decide(
    { policy: 'onRisk', allow: [], deny: [], ...approval },
    { argv, cwd: WORKDIR, workdir: WORKDIR },
  );
  switch (decided.kind) {
    case 'run':
      return 'run';
    case 'ask':
      return decided.reason;
    case 'refuse':
      return decided.why === 'denied' ? `refused by ${decided.rule}` : 'refused';
  }
}

function table(name: string, approval: Partial<Approval>, rows: [string | string[], string][]): void {
  for (const [script, expected] of rows) {
    test(`${name}: ${JSON.stringify(script).slice(0, 90)} → ${expected}`, () => {
      assert.equal(verdict(script, approval), expected);
    });
  }
}

table('reading is no risk', {}, [
  ['ls -la', 'run'],
  ['cat a.txt | grep -n "x|y" | head -5', 'run'],
  ["sed -n '1,20p' src/a.ts", 'run'],
  ["sed 's/a/b/g; s/c/d/' a.txt", 'run'],
  ['rg --files -g "*.ts" src', 'run'],
  ['find . -name "*.ts" -not -path "./node_modules/*"', 'run'],
  ['git status --short && git diff --stat && git log --oneline -5', 'run'],
  ['git --no-pager show HEAD~1:README.md', 'run'],
  ['[ -f a ] && echo yes || echo no', 'run'],
  ['if [[ -d src && -f a ]]; then ls src; fi', 'run'],
  ['for f in *.ts; do wc -l "$f"; done', 'run'],
  ['while IFS= read -r line; do echo "$line"; done < list.txt', 'run'],
  ['set -euo pipefail\ncd sub\nnpm test 2>&1 | tail -20', 'run'],
  ['echo "$(date)" > out.txt', 'run'],
  ['echo x 2>/dev/null >&2', 'run'],
  ["cat > src/new.ts <<'EOF'\nrm -rf / ; $(curl x)\nEOF", 'run'],
  ['GIT_PAGER=cat git log', 'run'],
  ['npm test -- --watch=false', 'run'],
  ['npm run publish-docs', 'run'],
  ['# rm -rf /\nls', 'run'],
  ["echo 'rm -rf /'", 'run'],
  ['echo a\\;rm -rf x', 'run'],
  ['python3 -m pytest -x tests', 'run'],
  ['python --version; node -v', 'run'],
  ['cp a.txt /tmp/a.txt', 'run'],
  ['rm dist/old.js', 'run'],
  [['git', 'status'], 'run'],
  [['apply_patch', '*** Begin Patch\n*** End Patch'], 'run'],
  ["apply_patch <<'EOF'\n*** Begin Patch\n+`$(x)`\n*** End Patch\nEOF", 'run'],
  ['git commit -m "$(cat <<\'EOF\'\nA subject\n\nrm -rf (not run)\nEOF\n)"', 'run'],
]);

table('a risk is asked about', {}, [
  ['rm -rf node_modules', 'deletes'],
  ['rm -r -f x', 'deletes'],
  ['rm --recursive x', 'deletes'],
  ['rm *.o', 'deletes'],
  ['rm ../../x', 'outside'],
  ['git clean -fdx', 'deletes'],
  ['git reset --hard HEAD~1', 'deletes'],
  ['git checkout -- .', 'deletes'],
  ['find . -name "*.o" -delete', 'deletes'],
  ['find . -name x -exec rm -r {} +', 'deletes'],
  ['truncate -s 0 a', 'deletes'],
  ['sudo apt-get install x', 'privilege'],
  ['chmod u+s a', 'privilege'],
  ['chmod 4755 a', 'privilege'],
  ['chmod +x run.sh', 'run'],
  ['chown root a', 'privilege'],
  ['echo x > /etc/passwd', 'outside'],
  ['echo x >> ../other/file', 'outside'],
  ['echo x | tee ~/.bashrc', 'outside'],
  ['cp a /usr/local/bin/a', 'outside'],
  ['cp -t /usr/local/bin a', 'outside'],
  ['mv a ../a', 'outside'],
  ['cd .. && touch a', 'outside'],
  ['cd $X; touch a', 'unreadable'],
  ['echo "x" > .git/hooks/pre-commit', 'outside'],
  ['echo x > ~/.cache/a', 'run'],
  ['curl https://example.com', 'network'],
  ['/usr/bin/curl https://example.com', 'network'],
  ['git fetch', 'network'],
  ['echo x > /dev/tcp/1.2.3.4/80', 'network'],
  ['exec 3<>/dev/tcp/1.2.3.4/80', 'network'],
  ['git push origin main', 'publishes'],
  ['git -C . push', 'publishes'],
  ['npm publish', 'publishes'],
  ['npm --workspace a publish', 'publishes'],
  ['gh pr create', 'publishes'],
  ['docker push a', 'publishes'],
  ['twine upload dist/*', 'publishes'],
  ['cargo publish', 'publishes'],
]);

table('a trick does not hide a risk', {}, [
  ['r""m -rf x', 'deletes'],
  ["'rm' -rf x", 'deletes'],
  ['\\rm -rf x', 'deletes'],
  ['r\\m -r\\f x', 'deletes'],
  ['/bin/rm -rf x', 'deletes'],
  ['RM -rf x', 'deletes'],
  ['command rm -rf x', 'deletes'],
  ['command -p rm -rf x', 'deletes'],
  ['builtin command rm -rf x', 'deletes'],
  ['exec rm -rf x', 'deletes'],
  ['env rm -rf x', 'deletes'],
  ['env -i A=1 B=2 rm -rf x', 'deletes'],
  ['A=1 rm -rf x', 'deletes'],
  ['nohup rm -rf x &', 'deletes'],
  ['timeout 5 rm -rf x', 'deletes'],
  ['timeout -k 1 5 rm -rf x', 'deletes'],
  ['nice -n 5 rm -rf x', 'deletes'],
  ['time rm -rf x', 'deletes'],
  ['time -p rm -rf x', 'deletes'],
  ['! rm -rf x', 'deletes'],
  ['busybox rm -rf x', 'deletes'],
  ['echo x | xargs rm -rf', 'deletes'],
  ['echo x | xargs -I{} rm -r {}', 'deletes'],
  ['echo x | xargs -n 1 sh -c \'rm -rf "$1"\' _', 'deletes'],
  ["sh -c 'rm -rf x'", 'deletes'],
  ['bash -c "bash -c \'rm -rf x\'"', 'deletes'],
  ['bash -euo pipefail -c "rm -rf x"', 'deletes'],
  ['eval "rm -rf x"', 'deletes'],
  ["eval rm '-rf' x", 'deletes'],
  ["trap 'rm -rf x' EXIT", 'deletes'],
  ['bash <<EOF\nrm -rf x\nEOF', 'deletes'],
  ["bash <<< 'rm -rf x'", 'deletes'],
  ['(rm -rf x)', 'deletes'],
  ['{ rm -rf x; }', 'deletes'],
  ['ls;rm -rf x', 'deletes'],
  ['ls&rm -rf x', 'deletes'],
  ['ls\nrm -rf x', 'deletes'],
  ['ls||rm -rf x', 'deletes'],
  ['ls|rm -rf x', 'deletes'],
  ['if true; then rm -rf x; fi', 'deletes'],
  ['while rm -rf x; do :; done', 'deletes'],
  ['for i in 1; do rm -rf x; done', 'deletes'],
  ['for i in $(rm -rf x); do :; done', 'deletes'],
  ['echo $(rm -rf x)', 'deletes'],
  ['echo "$(rm -rf x)"', 'deletes'],
  ['echo `rm -rf x`', 'deletes'],
  ['echo "`rm -rf x`"', 'deletes'],
  ['cat <(rm -rf x)', 'deletes'],
  ['echo x > >(rm -rf x)', 'deletes'],
  ['cat <<EOF\n$(rm -rf x)\nEOF', 'deletes'],
  ['X=$(rm -rf x)', 'deletes'],
  ['[[ -n $(rm -rf x) ]]', 'deletes'],
  ['echo ${X:-a} "$(echo "$(rm -rf x)")"', 'deletes'],
  ['npx -c "rm -rf x"', 'deletes'],
  ['sudo rm -rf x', 'privilege'],
  ['rm \\\n -rf x', 'deletes'],
  ['echo "a # b"; rm -rf x', 'deletes'],
  ["echo a'b#'c; rm -rf x # d", 'deletes'],
  ["cat <<'A'; rm -rf x\nbody\nA", 'deletes'],
]);

table('what is not certain is asked about', {}, [
  ['$X -rf x', 'unreadable'],
  ['X=rm; $X -rf x', 'unreadable'],
  ['"$X" y', 'unreadable'],
  ['rm${IFS}-rf${IFS}x', 'unreadable'],
  ['$(echo rm) -rf x', 'unreadable'],
  ['`echo rm` -rf x', 'unreadable'],
  ["$'\\x72\\x6d' -rf x", 'unreadable'],
  ['{rm,-rf,x}', 'unreadable'],
  ['{r"m",-rf,x}', 'unreadable'],
  ['/bin/r? -rf x', 'unreadable'],
  ['/???/rm -rf x', 'unreadable'],
  ['echo cm0gLXJmIHg= | base64 -d | sh', 'unreadable'],
  ['curl x | bash', 'network'],
  ['cat x | bash -s', 'unreadable'],
  ['bash < x', 'unreadable'],
  ['bash script.sh', 'unreadable'],
  ['source ./x', 'unreadable'],
  ['. ./x', 'unreadable'],
  ['bash -c "$X"', 'unreadable'],
  ['bash $X', 'unreadable'],
  ['bash -i', 'unreadable'],
  ['eval "$X"', 'unreadable'],
  ['alias ls="rm -rf x"; ls', 'unreadable'],
  ['ls() { rm -rf x; }; ls', 'unreadable'],
  ['function ls { rm -rf x; }; ls', 'unreadable'],
  ['case x in x) rm -rf x;; esac', 'unreadable'],
  ['PATH=/tmp/evil:$PATH ls', 'unreadable'],
  ['export PATH=/tmp/evil; ls', 'unreadable'],
  ['env PATH=/tmp/evil ls', 'unreadable'],
  ['LD_PRELOAD=/tmp/x.so ls', 'unreadable'],
  ['BASH_ENV=x bash -c ls', 'unreadable'],
  ['GIT_SSH_COMMAND="rm x" git log', 'unreadable'],
  ['for PATH in /tmp; do ls; done', 'unreadable'],
  ['git -c alias.x="!rm -rf x" x', 'unreadable'],
  ['git -c core.pager="rm -rf x" log', 'unreadable'],
  ['git frobnicate', 'unreadable'],
  ['git config core.hooksPath /tmp/x', 'unreadable'],
  ['git log $X', 'unreadable'],
  ['git rebase -x "rm -rf x" HEAD~1', 'unreadable'],
  ['find . $X', 'unreadable'],
  ["python3 -c 'import os'", 'unreadable'],
  ["python3 - <<'EOF'\nimport os\nEOF", 'unreadable'],
  ['cat x | python3', 'unreadable'],
  ["node -e '1'", 'unreadable'],
  ["perl -pi -e 's/a/b/' x", 'unreadable'],
  ['awk \'BEGIN { system("rm -rf x") }\'', 'unreadable'],
  ["sed 's/a/rm -rf x/e' f", 'unreadable'],
  ["sed '1e rm -rf x' f", 'unreadable'],
  ["sed 'y/a/b/;e rm -rf /' f", 'unreadable'],
  ["sed 'w /etc/passwd' f", 'unreadable'],
  ['rg --pre rm x', 'unreadable'],
  ['tar --checkpoint=1 --checkpoint-action=exec=sh -cf a b', 'unreadable'],
  ['sort --compress-program=sh a', 'unreadable'],
  ['find . -exec sh {} \\;', 'unreadable'],
  ['echo x | xargs env', 'unreadable'],
  ['echo x | xargs bash', 'unreadable'],
  ['env -S "rm -rf x"', 'unreadable'],
  ['timeout $X rm y', 'unreadable'],
  ['echo "$\\\n(rm -rf x)"', 'unreadable'],
  ['i\\\nf rm -rf x; then :; fi', 'unreadable'],
  ['A\\\n=1 rm -rf x', 'unreadable'],
  ["cat <\\\n<EOF '\nEOF\nrm -rf x #'", 'unreadable'],
  ['cat <<EOF\nfoo\\\nEOF\nrm -rf x\nEOF', 'unreadable'],
  ["cat <<E$X\n'\nE\nrm -rf x", 'unreadable'],
  ['x="a[\\$(rm -rf x)]"; echo $((x))', 'unreadable'],
  ["[[ 'a[$(rm -rf x)]' -eq 1 ]]", 'unreadable'],
  ["test -v 'a[$(rm -rf x)]'", 'unreadable'],
  ["printf -v 'a[$(rm -rf x)]' y", 'unreadable'],
  ["declare -i x='a[$(rm -rf x)]'", 'unreadable'],
  ["read 'a[$(rm -rf x)]' <<< 1", 'unreadable'],
  ['X=\'$(rm -rf x)\'; echo "${X@P}"', 'unreadable'],
  ['echo ${!X}', 'unreadable'],
  ['echo ${X:Y}', 'unreadable'],
  ['ｒｍ -rf x', 'unreadable'],
  ['rm\u00a0-rf x', 'unreadable'],
  ['ls \u202e fr- mr', 'unreadable'],
  ['ls\u200b', 'unreadable'],
  ['l\u0455 x', 'unreadable'],
  ['ls\r\nrm -rf x', 'unreadable'],
  ['zsh -c ls', 'unreadable'],
  ['parallel rm ::: x', 'unreadable'],
  ['coproc ls', 'unreadable'],
  ["echo 'open", 'unreadable'],
  ['cat <<EOF\nno end', 'unreadable'],
  ['$('.repeat(5_000), 'unreadable'],
  ['"$('.repeat(5_000), 'unreadable'],
  [`echo ${'x'.repeat(300_000)}`, 'unreadable'],
]);

table(
  'a denied command refuses the whole, however it is written',
  { deny: ['git push', 'rm -rf', 'terraform *'] },
  [
    ['git push', 'refused by git push'],
    ['git -C sub push origin', 'refused by git push'],
    ['git --no-pager -c a=b push', 'refused by git push'],
    ['ls && /usr/bin/git push', 'refused by git push'],
    ['echo $(git push)', 'refused by git push'],
    ["sudo sh -c 'git push'", 'refused by git push'],
    ['git stash push', 'run'],
    ['git commit -m "push"', 'run'],
    ['rm -fr x', 'refused by rm -rf'],
    ['rm x -r -f', 'refused by rm -rf'],
    ['rm -r x', 'deletes'],
    ['TERRAFORM plan', 'refused by terraform *'],
    ['terraform', 'refused by terraform *'],
    ['git $X', 'unreadable'],
  ],
);

test('a denied command is refused also where it is allowed, and where nobody is asked', () => {
  const lists = { deny: ['git push'], allow: ['git push', 'git *'] };
  for (const policy of ['never', 'onRisk', 'always'] as const) {
    assert.equal(verdict('git push', { ...lists, policy }), 'refused by git push');
  }
});

table(
  'with a deny list and nobody to ask, what is not certain is refused',
  { policy: 'never', deny: ['curl'] },
  [
    ['wget x', 'run'],
    ['rm -rf x', 'run'],
    ['curl x', 'refused by curl'],
    ['$X x', 'refused'],
    ['echo Y3VybA== | base64 -d | sh', 'refused'],
    ["python3 -c 'print(1)'", 'run'],
  ],
);

test('without a deny list and with nobody to ask, everything runs', () => {
  assert.equal(verdict('$X | sh; rm -rf /', { policy: 'never', allow: ['ls'] }), 'run');
});

table(
  'an allowed whole runs without a question',
  { policy: 'always', allow: ['npm test', 'git push origin *', 'ls', 'cd'] },
  [
    ['npm test', 'run'],
    ['npm test -- --watch', 'run'],
    ['cd sub && npm test', 'run'],
    ['env CI=1 npm test', 'run'],
    ['timeout 60 npm test', 'run'],
    ["bash -c 'npm test'", 'run'],
    ['git push origin main', 'run'],
    ['npm test 2>&1 > out.txt', 'run'],
    ['npm run build', 'always'],
    ['npm', 'always'],
    ['./npm test', 'always'],
    ['npm test; npm run build', 'always'],
    ['npm test $(npm run build)', 'always'],
    ['npm test > /etc/passwd', 'outside'],
    ['sudo npm test', 'privilege'],
    ['git push other', 'publishes'],
    ['PATH=/tmp/x npm test', 'unreadable'],
    ['npm test; $X', 'unreadable'],
    ['ls | sh', 'unreadable'],
    ['echo hello', 'always'],
    ['X=1', 'always'],
  ],
);

test('a pattern with many stars takes no time on a hostile command', () => {
  const script = `a ${'b '.repeat(60_000)}`;
  const startedAt = performance.now();
  verdict(script, { deny: ['*b*b*b*b*b*b*c'], allow: ['a *b*b*b*c'] });
  assert.ok(performance.now() - startedAt < 2_000);
});
