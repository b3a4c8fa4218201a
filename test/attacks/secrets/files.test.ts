/**
 * A setup that leaves its secret in a file, a file's name or a link, in every form that tools write: each is
 * found before an agent is there, by its path, and nothing of it is kept.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { removeFolder } from '../../support/git.ts';
import { formsIn, newValue } from './oracle.ts';
import { makeRepository } from './repository.ts';
import { foundIn, printed, startWorld, type Ended, type World } from './world.ts';

interface Plant {
  name: string;
  /** Bash; `$NEEDLE` is the value, `$B64` its base64, `$URL` as in an address. */
  script: string;
  /** What the event says, without the value. */
  path: RegExp;
}

const python = (code: string): string =>
  `python3 - <<'END'\nimport base64, json, os, urllib.parse\nvalue = os.environ['NEEDLE']\n${code}\nEND`;

const OF_TOOLS: Plant[] = [
  {
    name: 'the shell’s history',
    script:
      'HISTFILE=~/.bash_history; set -o history; history -s "login $NEEDLE"; history -w; set +o history',
    path: /^\/root\/\.bash_history$/,
  },
  {
    name: 'an export in ~/.bashrc',
    script: 'printf "export TOKEN=%q\\n" "$NEEDLE" >> ~/.bashrc',
    path: /^\/root\/\.bashrc$/,
  },
  {
    name: 'a line in ~/.profile',
    script: 'export -p | grep NEEDLE= >> ~/.profile',
    path: /^\/root\/\.profile$/,
  },
  {
    name: '/etc/environment',
    script: 'echo "NEEDLE=$NEEDLE" >> /etc/environment',
    path: /^\/etc\/environment$/,
  },
  {
    name: '/etc/profile.d',
    script: 'echo "NEEDLE=\'$NEEDLE\'" > /etc/profile.d/needle.sh',
    path: /^\/etc\/profile\.d\/needle\.sh$/,
  },
  {
    name: 'npm’s settings, as base64',
    script: 'echo "//registry.test/:_auth=$B64" > ~/.npmrc',
    path: /^\/root\/\.npmrc$/,
  },
  {
    name: 'pip’s settings, in an address',
    script:
      'mkdir -p ~/.config/pip; echo "extra-index-url = https://x:$URL@pip.test/" > ~/.config/pip/pip.conf',
    path: /pip\.conf$/,
  },
  {
    name: '~/.netrc',
    script: 'echo "machine a.test password $NEEDLE" > ~/.netrc; chmod 600 ~/.netrc',
    path: /^\/root\/\.netrc$/,
  },
  {
    name: 'docker’s logins, in base64 with a name before it',
    script:
      'mkdir -p ~/.docker; printf \'{"auths":{"a.test":{"auth":"%s"}}}\' "$(printf "user:%s" "$NEEDLE" | base64 -w0)" > ~/.docker/config.json',
    path: /^\/root\/\.docker\/config\.json$/,
  },
  {
    name: 'git’s stored credentials',
    script:
      'git config --global credential.helper store; printf "protocol=https\\nhost=a.test\\nusername=u\\npassword=%s\\n\\n" "$NEEDLE" | git credential approve',
    path: /^\/root\/\.git-credentials$/,
  },
  {
    name: 'the address of a remote in the repository’s own .git/config',
    script: 'git remote add upstream "https://x:$URL@git.test/a.git"',
    path: /project\/\.git\/config$/,
  },
  {
    name: 'a note in git’s own log',
    script:
      'git branch side; git reflog > /dev/null; printf "%s %s A <a@b> 1 +0000\\t%s\\n" "$(git rev-parse HEAD)" "$(git rev-parse HEAD)" "clone: $NEEDLE" >> .git/logs/refs/heads/side',
    path: /\.git\/logs\/refs\/heads\/side$/,
  },
  {
    name: 'instructions for the agent',
    script: 'echo "Use the token $NEEDLE." > AGENTS.md',
    path: /project\/AGENTS\.md$/,
  },
  {
    name: 'a program that was compiled with it',
    script:
      'printf "int main(){return sizeof %s;}" "$(python3 -c \'import json,os;print(json.dumps(os.environ["NEEDLE"][:31],ensure_ascii=False))\')" > /dev/null; echo \'#include <stdio.h>\nint main(){puts(N);}\' > /tmp/n.c; gcc -o ~/needle -D"N=$(python3 -c \'import json,os;print(json.dumps(os.environ["NEEDLE"],ensure_ascii=False))\')" /tmp/n.c',
    path: /^\/root\/needle$/,
  },
  {
    name: 'a database',
    script: python(
      `import sqlite3\ndb = sqlite3.connect('/root/cache.db')\ndb.execute('create table t (v)')\ndb.execute('insert into t values (?)', [value])\ndb.commit()`,
    ),
    path: /^\/root\/cache\.db$/,
  },
  {
    name: 'a scheduled job',
    script:
      'mkdir -p /var/spool/cron; echo "* * * * * curl -H \\"x: $NEEDLE\\" a.test" > /var/spool/cron/root',
    path: /cron\/root$/,
  },
];

const OF_FILES: Plant[] = [
  { name: 'a file in /tmp', script: 'echo "$NEEDLE" > /tmp/t', path: /^\/tmp\/t$/ },
  { name: 'a log', script: 'echo "$NEEDLE" >> /var/log/install.log', path: /install\.log$/ },
  {
    name: 'a program of the image, appended',
    script: 'echo "# $NEEDLE" >> /usr/bin/ldd',
    path: /^(\/usr)?\/bin\/ldd$/,
  },
  {
    name: 'a file that nobody may read, in a folder that nobody may enter',
    script: 'mkdir ~/shut; echo "$NEEDLE" > ~/shut/f; chmod 000 ~/shut/f ~/shut',
    path: /shut\/f$/,
  },
  {
    name: 'a file of another user’s',
    script: 'echo "$NEEDLE" > ~/theirs; chown 1234:1234 ~/theirs; chmod 600 ~/theirs',
    path: /theirs$/,
  },
  {
    name: 'a file’s name',
    script: ': > ~/"$(printf %s "$NEEDLE" | tr / _ | head -c 0)name-$HEX"',
    path: /\/root\/name-\[secret NEEDLE\]$/,
  },
  { name: 'a folder’s name', script: 'mkdir ~/"folder-$HEX"', path: /\/root\/folder-\[secret NEEDLE\]$/ },
  { name: 'a pipe’s name', script: 'mkfifo ~/"pipe-$HEX"', path: /\/root\/pipe-\[secret NEEDLE\]$/ },
  { name: 'a symbolic link’s target', script: 'ln -s "$NEEDLE" ~/link', path: /\/root\/link$/ },
  {
    // Ignored, or it would be tidied away with all else that is not the commit's.
    name: 'a link that leads nowhere, in the repository',
    script: 'mkdir -p .git/info; echo dangling >> .git/info/exclude; ln -s "/nowhere/$HEX" dangling',
    path: /project\/dangling$/,
  },
  {
    name: 'a second name of a file that is listed twice',
    script: 'mkdir ~/two; echo "$NEEDLE" > ~/two/a; ln ~/two/a /var/lib/b',
    path: /(two\/a|lib\/b)$/,
  },
  {
    name: 'a folder with a name that is no UTF-8',
    script: 'd=$(printf "/root/n\\xff\\xfe"); mkdir "$d"; echo "$NEEDLE" > "$d/in"',
    path: /n\ufffd+\/in$/,
  },
  {
    name: 'a file with a line break in its name',
    script: 'echo "$NEEDLE" > ~/$\'line\\nbreak\'',
    path: /line\nbreak$/,
  },
  {
    name: 'the middle of a chunk’s border',
    script: python(
      `open('/root/border', 'wb').write(b''.join(b'x' * (65536 - 20 - i % 7) + b'y' * 13 for i in range(40)) + b'z' * (65536 - 17) + value.encode() + b'z' * 99999)`,
    ),
    path: /border$/,
  },
  {
    name: 'the end of a file of 2 GB with a hole',
    script: 'truncate -s 2G ~/hole; printf %s "$NEEDLE" >> ~/hole',
    path: /hole$/,
  },
];

const IN_FORMS: Plant[] = [
  { name: 'base64', script: 'echo "$B64" > ~/f-b64', path: /f-b64$/ },
  {
    name: 'base64 for addresses',
    script: python(`open('/root/f-b64u', 'wb').write(base64.urlsafe_b64encode(b'u:' + value.encode()))`),
    path: /f-b64u$/,
  },
  {
    name: 'base64 in indented lines',
    script: 'printf \'{"a":"%s"}\' "$NEEDLE" | base64 -w 40 | sed "s/^/      /" > ~/f-wrap',
    path: /f-wrap$/,
  },
  { name: 'hex', script: 'echo "$HEX" > ~/f-hex', path: /f-hex$/ },
  { name: 'HEX in lines', script: 'printf %s "$HEX" | tr a-f A-F | fold -w 32 > ~/f-HEX', path: /f-HEX$/ },
  { name: 'an address', script: 'echo "https://a.test/?t=$URL" > ~/f-url', path: /f-url$/ },
  {
    name: 'a form’s body',
    script: python(`open('/root/f-form', 'w').write(urllib.parse.urlencode({'t': value}))`),
    path: /f-form$/,
  },
  { name: 'JSON', script: python(`json.dump({'t': value}, open('/root/f-json', 'w'))`), path: /f-json$/ },
  {
    name: 'JSON in JSON',
    script: python(`json.dump(json.dumps({'t': value}), open('/root/f-json2', 'w'))`),
    path: /f-json2$/,
  },
  {
    name: 'XML',
    script: python(`import html\nopen('/root/f-xml', 'w').write('<t v="%s"/>' % html.escape(value))`),
    path: /f-xml$/,
  },
  { name: 'a shell’s quoting', script: 'printf "T=%q" "$NEEDLE" > ~/f-sh', path: /f-sh$/ },
  {
    name: 'UTF-16',
    script: python(`open('/root/f-16', 'wb').write(('x' + value).encode('utf-16'))`),
    path: /f-16$/,
  },
  {
    name: 'an archive that is not compressed',
    script: 'echo "$NEEDLE" > /tmp/in; tar -cf ~/f.tar -C /tmp in; rm /tmp/in',
    path: /f\.tar$/,
  },
  {
    name: 'a zip that is not compressed',
    script: python(`import zipfile\nzipfile.ZipFile('/root/f.zip', 'w').writestr('in', value)`),
    path: /f\.zip$/,
  },
  {
    name: 'Python’s bytecode',
    script: python(
      `import py_compile\nopen('/tmp/m.py', 'w').write('T = %r' % value)\npy_compile.compile('/tmp/m.py', '/root/f.pyc')\nos.unlink('/tmp/m.py')`,
    ),
    path: /f\.pyc$/,
  },
];

const IN_GIT: Plant[] = [
  {
    name: 'a commit that was taken back again',
    script: 'echo "$NEEDLE" > t; git add -f t; git commit -qm t; git reset -q --hard HEAD~',
    path: /project\/\.git\/objects\/[0-9a-f]{2}\/[0-9a-f]{38}$/,
  },
  {
    name: 'a commit’s message in a repository elsewhere',
    script:
      'git init -q ~/dep; git -C ~/dep commit -q --allow-empty -m "token $NEEDLE"; rm -r ~/dep/.git/logs ~/dep/.git/COMMIT_EDITMSG',
    path: /dep\/\.git\/objects\/[0-9a-f]{2}\/[0-9a-f]{38}$/,
  },
  {
    name: 'a file’s name in a tree',
    script:
      'git init -q ~/dep2; : > ~/dep2/"n-$HEX"; git -C ~/dep2 add .; git -C ~/dep2 commit -qm t; rm ~/dep2/n-* ~/dep2/.git/index',
    path: /dep2\/\.git\/objects\/[0-9a-f]{2}\/[0-9a-f]{38}$/,
  },
];

const BATCHES = { tools: OF_TOOLS, files: OF_FILES, forms: IN_FORMS, git: IN_GIT };
const PREPARE = `HEX=$(printf %s "$NEEDLE" | head -c 60 | python3 -c 'import sys; print(sys.stdin.buffer.read().hex())'); B64=$(printf %s "$NEEDLE" | base64 -w0); URL=$(python3 -c 'import os, urllib.parse; print(urllib.parse.quote(os.environ["NEEDLE"], safe=""))'); set +H`;

describe('what a setup leaves in files', { timeout: 170_000 }, () => {
  const value = newValue();
  let world: World;
  let folder: string;
  const ran: Record<string, Ended> = {};

  before(async () => {
    world = await startWorld();
    folder = makeRepository();
    for (const [batch, plants] of Object.entries(BATCHES)) {
      const setup = [PREPARE, ...plants.map(({ script }) => script), 'echo planted'].join('\n');
      await world.put({ name: batch, setup }, { NEEDLE: value });
    }
    const runs = Object.keys(BATCHES).map(async (environment) => {
      ran[environment] = await world.run({ environment, folder, prompt: '$ true' });
    });
    await Promise.all(runs);
  });
  after(async () => {
    await world.end();
    removeFolder(folder);
  });

  for (const [batch, plants] of Object.entries(BATCHES)) {
    for (const { name, path } of plants) {
      test(`${batch}: ${name}`, () => {
        const { events, error } = ran[batch] as Ended;
        assert.match(printed(events, 'setup'), /planted\n$/, JSON.stringify(events.at(-1)));
        assert.ok(
          foundIn(events).some((one) => path.test(one)),
          foundIn(events).join('\n'),
        );
        assert.equal(error, 'secretInFiles');
      });
    }
  }

  test('nothing of it was kept, no agent was started, and the events do not have it', async () => {
    assert.deepEqual(await world.driver.snapshots(), []);
    assert.deepEqual(await world.containers(), []);
    assert.deepEqual(formsIn(world.heard.join('\n'), value), []);
    assert.equal(world.model.requests.length, 0);
  });
});
