/** What macOS is told, and what is made of what it says, as text. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { optionsFor } from '../../integration/sandbox/seatbelt/interpret.ts';
import { parseRules, pathsOf, rulesOf } from '../../integration/sandbox/seatbelt/parse.ts';
import { scratchDir } from '../../integration/sandbox/help.ts';
import { refusalAfter, REJECTED } from '../../../server/sandbox/local/macos/check.ts';
import { confined } from '../../../server/sandbox/local/macos/launch.ts';
import { ON_A_MAC } from '../../../server/sandbox/local/macos/machine.ts';
import { freePorts } from '../../../server/sandbox/local/macos/ports.ts';
import { isSame, parseProcesses, withDescendants } from '../../../server/sandbox/local/macos/ps.ts';
import { seatbeltProfile } from '../../../server/sandbox/local/macos/seatbelt.ts';
import { ADDRESS_BYTES, connectByPath } from '../../../server/sandbox/local/macos/socket.ts';

const OF = {
  workspace: '/Users/p/Data/s/workspace',
  home: '/Users/p/Data/s/home',
  tmp: '/Users/p/Data/s/tmp',
  run: '/Users/p/Data/s/run',
  codex: '/Users/p/Data/runner/1',
  node: '/opt/node/bin/node',
  personHome: '/Users/p',
  dataDir: '/Users/p/Data',
  ports: [49_200, 49_201],
};

describe('the rules for Seatbelt', () => {
  const lines = (text: string): string[] =>
    text.split(/\n(?=\()/).map((one) => one.replace(/\s+/g, ' ').trim());
  const own = ['workspace', 'home', 'tmp', 'run'].map((name) => `/Users/p/Data/s/${name}`);
  const subpaths = own.map((path) => `(subpath "${path}")`).join(' ');

  test('are these', () => {
    const told = lines(seatbeltProfile({ ...OF, readOnly: 'project' }));
    const long = /^\(allow (?:sysctl-read|file-map-executable|file-read\* \(subpath "\/usr"\))/;
    assert.deepEqual(
      told.filter((one) => !long.test(one)),
      [
        '(version 1)',
        '(deny default)',
        '(allow process-exec)',
        '(allow process-fork)',
        '(allow signal process-info* (target same-sandbox))',
        '(allow sysctl-write (sysctl-name "kern.grade_cputype") (sysctl-name "kern.tcsm_enable"))',
        '(allow ipc-posix-sem)',
        '(allow iokit-open (iokit-registry-entry-class "RootDomainUserClient"))',
        '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo") (global-name "com.apple.system.opendirectoryd.membership") (global-name "com.apple.bsd.dirhelper") (global-name "com.apple.PowerManagement.control"))',
        '(allow file-write-data (literal "/dev/null") (literal "/dev/zero") (literal "/dev/dtracehelper"))',
        '(allow file-read* file-write-data (subpath "/dev/fd"))',
        '(allow pseudo-tty)',
        '(allow file-read* file-write* file-ioctl (literal "/dev/ptmx") (require-all (regex #"^/dev/ttys[0-9]+$") (extension "com.apple.sandbox.pty")))',
        '(deny file* (subpath "/Users/p") (subpath "/Users/p/Data"))',
        '(allow file-read-metadata (literal "/Users") (literal "/Users/p") (literal "/Users/p/Data") (literal "/Users/p/Data/runner") (literal "/Users/p/Data/s") (literal "/opt") (literal "/opt/node") (literal "/opt/node/bin"))',
        '(allow file-read* (subpath "/Users/p/Data/runner/1") (literal "/opt/node/bin/node"))',
        `(allow file-read* file-write* ${subpaths})`,
        `(deny file-write-unlink ${subpaths.replaceAll('subpath', 'literal')})`,
        '(deny file-write* (subpath "/Users/p/Data/s/workspace/project"))',
        '(deny file-link file-write-setugid)',
        '(deny network*)',
        '(allow system-socket (socket-domain AF_UNIX))',
        '(allow network-bind network-inbound (local ip "localhost:49200"))',
        '(allow network-outbound (remote ip "localhost:49200"))',
        '(allow network-bind network-inbound (local ip "localhost:49201"))',
        '(allow network-outbound (remote ip "localhost:49201"))',
        ...own.flatMap((path) => [
          `(allow network-bind network-inbound (local unix-socket (subpath "${path}")))`,
          `(allow network-outbound (remote unix-socket (subpath "${path}")))`,
        ]),
      ],
    );
  });

  test('write nothing but below its own folders; leave by two ports; read no home, no other program’s arguments', () => {
    const text = seatbeltProfile(OF);
    const rules = rulesOf(text);
    const writing = rules.filter(
      ({ verdict, operations }) => verdict === 'allow' && operations.some((one) => /^file-write/.test(one)),
    );
    assert.deepEqual(
      writing.flatMap((rule) => [...pathsOf(rule, 'subpath'), ...pathsOf(rule, 'literal')]).sort(),
      ['/dev/dtracehelper', '/dev/fd', '/dev/null', '/dev/ptmx', '/dev/zero', ...own].sort(),
    );
    const denied = rules.findIndex(
      ({ verdict, operations }) => verdict === 'deny' && operations.includes('file*'),
    );
    for (const [index, rule] of rules.entries()) {
      const paths = [...pathsOf(rule, 'subpath'), ...pathsOf(rule, 'literal')];
      if (rule.verdict === 'allow' && paths.some((path) => path.startsWith('/Users/p/')))
        assert.ok(
          index > denied,
          'a rule for its own folders stands after the one that closes what is around them',
        );
    }
    assert.deepEqual(
      [...text.matchAll(/"localhost:(\d+)"/g)].map(([, port]) => port),
      ['49200', '49200', '49201', '49201'],
    );
    assert.doesNotMatch(
      text,
      /\(allow (?:default|file-read\*|network\*|mach-lookup|sysctl-read|file-ioctl)\)/,
    );
    assert.doesNotMatch(
      text,
      /procargs|"\*:|\(allow file[^()]*\(subpath "\/(?:Users|private\/var\/folders|Volumes)?"\)/,
    );
  });

  test('keep names what they are: quotes, backslashes, parentheses, spaces, letters of all kinds', () => {
    for (const name of [
      'a") (subpath "/x',
      String.raw`back\slash\\`,
      '(allow default)',
      'ü 空 🙂',
      "it's",
      '#"^.*"',
      '; x',
    ]) {
      const workspace = `/Users/p/Data/${name}/workspace`;
      const rules = rulesOf(seatbeltProfile({ ...OF, workspace, readOnly: name.replaceAll('/', '') }));
      const whole = rules.find(({ operations }) => operations.join(' ') === 'file-read* file-write*');
      assert.ok(whole && pathsOf(whole, 'subpath').includes(workspace), name);
      const closed = rules.find(
        ({ verdict, operations }) => verdict === 'deny' && operations.includes('file-write*'),
      );
      assert.ok(
        closed && pathsOf(closed, 'subpath').includes(`${workspace}/${name.replaceAll('/', '')}`),
        name,
      );
      assert.equal(rules.length, rulesOf(seatbeltProfile({ ...OF, readOnly: 'x' })).length, name);
    }
    for (const path of ['relative', '/a/../b', '/a//b', '/a\nb', '/a\0b', '/a/', ''])
      assert.throws(() => seatbeltProfile({ ...OF, tmp: path }), RangeError, JSON.stringify(path));
    for (const port of [0, 80, 70_000, 1.5, NaN])
      assert.throws(() => seatbeltProfile({ ...OF, ports: [50_000, port] }), RangeError);
  });

  test('are read by the stand-in as by macOS: what is not well-formed is rejected', () => {
    assert.doesNotThrow(() => optionsFor(seatbeltProfile(OF)));
    const text = seatbeltProfile(OF);
    for (const wrong of [
      `${text})`,
      text.slice(0, -2),
      text.replace('"/usr"', '"/usr'),
      text.replace('file-link', 'file-links'),
    ])
      assert.throws(() => optionsFor(wrong), SyntaxError);
    assert.throws(() => optionsFor(text.replace('(deny default)', '(allow default)')), /not all is denied/);
    assert.deepEqual(parseRules(String.raw`(a "b\"\\)" #"^c" ; d` + '\n)'), [
      [{ symbol: 'a' }, { text: 'b"\\)' }, { pattern: '^c' }],
    ]);
  });
});

describe('starting on a Mac', () => {
  test('goes through sandbox-exec by its rules’ file, at a lower priority, without core dumps', () => {
    assert.deepEqual(confined(ON_A_MAC, '/d/rules.sb', { sandboxDiskBytes: 10 * 1024 ** 2 }), [
      ...['/usr/bin/nice', '-n', '5', '/usr/bin/sandbox-exec', '-f', '/d/rules.sb', '/bin/bash', '-c'],
      'read -r word || exit 1; ulimit -c 0; ulimit -f 10240 2>/dev/null; exec "$@" </dev/null',
      'bash',
    ]);
  });

  test('takes ports that nobody has, those of before where they are free', async (t) => {
    const first = await freePorts(undefined);
    assert.notEqual(first.origin, first.egress);
    assert.deepEqual(await freePorts(first), first);
    const taken = createServer();
    t.after(() => taken.close());
    await new Promise<void>((resolve) => taken.listen({ host: '127.0.0.1', port: first.egress }, resolve));
    assert.notEqual((await freePorts(first)).egress, first.egress);
  });

  test('reaches a socket whose path is longer than an address, and none that is a link', async (t) => {
    const scratch = scratchDir();
    t.after(scratch.remove);
    const run = join(scratch.path, 'r'.repeat(ADDRESS_BYTES));
    mkdirSync(run);
    await assert.rejects(connectByPath(run), /no socket/);
    const before = process.cwd();
    const server = createServer((socket) => socket.end());
    t.after(() => server.close());
    process.chdir(run);
    await new Promise<void>((resolve) => server.listen('door.sock', resolve));
    process.chdir(before);
    (await connectByPath(run)).destroy();
  });
});

describe('a trial on a Mac', () => {
  const GOOD = { code: 0, output: 'done\n', said: '' };

  test('passes only when everything was as it must be', () => {
    assert.equal(refusalAfter(GOOD), null);
    assert.match(refusalAfter({ ...GOOD, output: '' }) ?? '', /did not run a trial/);
    assert.match(refusalAfter({ ...GOOD, code: -1, said: 'killed\nmore' }) ?? '', /\(-1: killed\)/);
    assert.match(
      refusalAfter({ code: REJECTED, output: '', said: 'sandbox-exec: unbound variable: x' }) ?? '',
      /rules no more \(sandbox-exec: unbound variable: x\)/,
    );
    assert.match(
      refusalAfter({ ...GOOD, output: "could signal others\ncan't run git\ndone\n" }) ?? '',
      /does not hold here: a confined program could signal others\. Use Docker/,
    );
    assert.match(
      refusalAfter({ ...GOOD, output: "can't run git\ndone\n" }) ?? '',
      /can’t run git here.*xcode-select/,
    );
  });
});

describe('what ps tells', () => {
  const TOLD = [
    '    1     0     1   9000 Ss   Mon Nov 23 00:00:00 2026',
    '  500     1   500  51200 SNs  Mon Nov  2 09:08:07 2026    ',
    '  501   500   500   1024 S+   Mon Nov 23 00:49:58 2026',
    '  502   501   502      0 Z    Mon Nov 23 00:49:58 2026',
    '  503   501   503    100 R    Mon Nov 23 00:50:00 2026',
    'nonsense',
  ].join('\n');

  test('is read, without the dead', () => {
    const all = parseProcesses(TOLD);
    assert.deepEqual(
      all.map(({ pid }) => pid),
      [1, 500, 501, 503],
    );
    assert.deepEqual(all[1], {
      pid: 500,
      parent: 1,
      group: 500,
      residentBytes: 51_200 * 1024,
      startedAt: Date.UTC(2026, 10, 2, 9, 8, 7),
    });
  });

  test('names a process by its id and its start', () => {
    const [, one] = parseProcesses(TOLD);
    assert.ok(one && isSame(one, one.startedAt) && isSame(one, one.startedAt + 1_000));
    assert.equal(isSame(one, one.startedAt + 2_000), false);
    assert.equal(isSame(one, NaN), false);
  });

  test('gives those that descend from others, and no more', () => {
    const found = withDescendants(parseProcesses(TOLD), new Set([500]));
    assert.deepEqual(
      found.map(({ pid }) => pid),
      [500, 501, 503],
    );
    assert.deepEqual(withDescendants(parseProcesses(TOLD), new Set()), []);
  });
});
