/** What can be stored as an environment, and the words for what can't. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorWords } from '../../../client/words/index.ts';
import { checkEnvironment, defaultEnvironment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';

function refused(more: object): CodexError {
  try {
    checkEnvironment({ ...defaultEnvironment('web'), ...more });
  } catch (error) {
    if (error instanceof CodexError) return error;
    throw error;
  }
  throw new Error(`taken: ${JSON.stringify(more).slice(0, 100)}`);
}

const many = Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`V${at}`, 'x']));
const REFUSED: [string, object, string, RegExp][] = [
  ['a name with a space', { name: 'x y' }, 'name', /is no name/],
  ['an image in capital letters', { image: 'Ubuntu' }, 'image', /is no image: base, universal/],
  ['an image that is an option', { image: '--privileged' }, 'image', /is no image/],
  ['no image at all', { image: '' }, 'image', /is no image/],
  ['a variable of ours', { variables: { PATH: '/x' } }, 'variables.PATH', /is set by Codex itself/],
  ['a proxy in small letters', { variables: { https_proxy: 'x' } }, 'variables.https_proxy', /set by Codex/],
  ['a function of bash', { variables: { 'BASH_FUNC_a%%': 'x' } }, 'variables.BASH_FUNC_a%%', /is no name/],
  ['a variable with a digit first', { variables: { '1A': 'x' } }, 'variables.1A', /no digit first/],
  ['a variable with NUL', { variables: { A: 'a\0b' } }, 'variables.A', /NUL/],
  ['a variable that is a number', { variables: { A: 1 } }, 'variables.A', /must be text/],
  [
    'a variable that is too long',
    { variables: { A: 'x'.repeat(32_769) } },
    'variables.A',
    /32768 characters/,
  ],
  ['too many variables', { variables: many }, 'variables', /more than 200 names/],
  ['a language that nobody knows', { versions: { perl: '5' } }, 'versions.perl', /not known/],
  ['a version that is a command', { versions: { node: '22; id' } }, 'versions.node', /is no version/],
  ['an absolute folder', { workdir: '/etc' }, 'workdir', /inside the repository/],
  ['a folder outside', { workdir: 'a/../../b' }, 'workdir', /must not leave/],
  ['a folder with a line break', { workdir: 'a\nb' }, 'workdir', /control character/],
  ['a script that is too long', { setup: 'x'.repeat(131_073) }, 'setup', /longer than 131072 characters/],
  ['a script with NUL', { maintenance: 'a\0' }, 'maintenance', /NUL/],
  ['a time beyond the cap', { setupTimeoutMs: 1e12 }, 'setupTimeoutMs', /more than 120 min/],
  ['memory that starts nothing', { resources: { memoryBytes: 1 } }, 'resources.memoryBytes', /64 MiB/],
  ['a relative place for secrets', { allowSecretsIn: ['.npmrc'] }, 'allowSecretsIn.0', /begin with \/ or ~/],
  ['another policy', { approval: { policy: 'sometimes', allow: [], deny: [] } }, 'approval.policy', /one of/],
  ['no internet policy', { internet: undefined }, 'internet', /must be/],
];

for (const [what, more, where, problem] of REFUSED) {
  test(`${what} is refused with where and why`, () => {
    const error = refused(more);
    assert.equal(error.code, 'badEnvironment');
    assert.equal(error.wire.params['where'], where);
    assert.match(String(error.wire.params['problem']), problem);
    assert.match(errorWords(error.wire).text, /can’t be kept like this: \S+ \S/);
  });
}

test('what is no object at all is refused too', () => {
  for (const value of [null, 1, 'x', []])
    assert.throws(
      () => checkEnvironment(value),
      (error) => error instanceof CodexError && error.code === 'badEnvironment',
    );
});

test('images as engines name them are taken', () => {
  for (const image of [
    'base',
    'universal',
    'node:22',
    'ghcr.io/openai/codex-universal:latest',
    'localhost:5000/team/a_b-c.d:v1',
    `debian@sha256:${'0'.repeat(64)}`,
  ])
    assert.equal(checkEnvironment({ ...defaultEnvironment(), image: ` ${image}` }).image, image);
});

test('an image’s name of any length is judged at once', () => {
  const started = performance.now();
  refused({ image: `${'a-'.repeat(100_000)}!` });
  refused({ image: `${'a.'.repeat(126)}!` });
  assert.ok(performance.now() - started < 2_000);
});
