/**
 * Who gets a secret, and when: other environments, branches, guesses that fail, maintenance, values that were
 * changed or deleted, a client's own mistakes, a turn that is cancelled in the middle.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import type { NewEvent } from '../../../protocol/events.ts';
import { commitAll, git, removeFolder, write } from '../../support/git.ts';
import { formsIn, newValue } from './oracle.ts';
import { makeRepository } from './repository.ts';
import { foundIn, printed, startWorld, type Ended, type World } from './world.ts';

const ALLOWED = '/root/allowed';

describe('who gets a secret', { timeout: 170_000 }, () => {
  const value = newValue();
  let world: World;
  let folder: string;
  const folders: string[] = [];

  before(async () => {
    world = await startWorld();
    folder = newRepository();
  });
  after(async () => {
    await world.end();
    for (const one of folders) removeFolder(one);
  });

  function newRepository(): string {
    const made = makeRepository();
    folders.push(made);
    return made;
  }

  const outcomes = (events: readonly NewEvent[]): string[] =>
    events.flatMap((event) => (event.code === 'environment.cache' ? [event.params.outcome] : []));
  const completed = ({ state, events }: Ended): void =>
    assert.equal(state, 'completed', JSON.stringify(events.at(-1)));

  test('another environment’s setup and agent do not', async () => {
    await world.put({ name: 'mine', setup: 'true' }, { NEEDLE: value });
    await world.put(
      { name: 'other', setup: 'env | grep -c Qz9 || true; echo "[$NEEDLE]"' },
      { OTHER: 'another-value' },
    );
    const ran = await world.run({
      environment: 'other',
      folder,
      prompt: '$ echo "[$NEEDLE$OTHER]"; python3 hunt.py environ env mem everything',
    });
    completed(ran);
    assert.equal(printed(ran.events, 'setup'), '0\n[]\n');
    assert.equal(printed(ran.events, 'agent'), '[]\nenviron: 0\nenv: 0\nmem: 0\neverything: 0\n');
  });

  test('a branch that brings a setup of its own does not, unless a person approved it', async () => {
    await world.put({ name: 'branch' }, { NEEDLE: value });
    const theirs = newRepository();
    git(theirs, ['checkout', '-q', '-b', 'theirs']);
    write(
      theirs,
      '.codex/environment.yaml',
      `version: 1\nsetup: |\n  echo "[$NEEDLE]" > ${ALLOWED}; env | grep -c Qz9 || true\n`,
    );
    commitAll(theirs);
    const of = { environment: 'branch', folder: theirs, ref: 'theirs', defaultRef: 'theirs~1' };
    const ran = await world.run({ ...of, prompt: `$ cat ${ALLOWED}; python3 hunt.py mem` });
    completed(ran);
    assert.equal(printed(ran.events, 'setup'), '0\n');
    assert.equal(printed(ran.events, 'agent'), '[]\nmem: 0\n');
    assert.deepEqual(outcomes(ran.events), ['off'], 'and nobody else starts from it');
  });

  test('a task of the default branch does not start from what a branch has set up', async () => {
    const ran = await world.run({ environment: 'branch', folder, prompt: `$ cat ${ALLOWED}` });
    assert.match(printed(ran.events, 'agent'), /No such file/);
  });

  test('an agent that has a variable of the same name has the variable', async () => {
    await world.put(
      { name: 'same', setup: '[ ${#NEEDLE} -gt 20 ] && echo given', variables: { NEEDLE: 'public' } },
      { NEEDLE: value },
    );
    const ran = await world.run({ environment: 'same', folder, prompt: '$ echo "[$NEEDLE]"' });
    assert.equal(printed(ran.events, 'setup'), 'given\n');
    assert.equal(printed(ran.events, 'agent'), '[public]\n');
  });

  test('a question that needs no setup does not', async () => {
    await world.put({ name: 'asked', setup: 'exit 1' }, { NEEDLE: value });
    const prompt = '$ python3 hunt.py environ env mem; echo "[$NEEDLE]"';
    const ran = await world.run({ environment: 'asked', folder, mode: 'ask', prompt });
    completed(ran);
    assert.equal(printed(ran.events, 'agent'), 'environ: 0\nenv: 0\nmem: 0\n[]\n');
  });

  test('an automatic setup that fails is looked through before an agent goes on from it', async () => {
    await world.put({ name: 'automatic' }, { NEEDLE: value });
    const lock = newRepository();
    const scripts = { preinstall: 'echo "$NEEDLE" > ~/.left; exit 1' };
    write(lock, 'package.json', JSON.stringify({ name: 'x', version: '1.0.0', scripts }));
    const packages = { '': { name: 'x', version: '1.0.0' } };
    write(lock, 'package-lock.json', JSON.stringify({ name: 'x', lockfileVersion: 3, packages }));
    commitAll(lock);
    const ran = await world.run({ environment: 'automatic', folder: lock, prompt: '$ cat ~/.left' });
    assert.match(printed(ran.events, 'setup'), /preinstall/);
    assert.equal(ran.error, 'secretInFiles', JSON.stringify(ran.events.at(-1)));
    assert.deepEqual(foundIn(ran.events), ['/root/.left']);
    assert.equal(printed(ran.events, 'agent'), '');
  });

  test('what maintenance leaves is looked through too', async () => {
    const two = newRepository();
    const defaultRef = git(two, ['rev-parse', 'HEAD']);
    write(two, 'later.txt', 'x');
    commitAll(two);
    await world.put(
      { name: 'kept', setup: 'true', maintenance: 'echo "$NEEDLE" > ~/.kept' },
      { NEEDLE: value },
    );
    const ran = await world.run({ environment: 'kept', folder: two, defaultRef, prompt: '$ cat ~/.kept' });
    assert.equal(ran.error, 'secretInFiles', JSON.stringify(ran.events.at(-1)));
    assert.deepEqual(foundIn(ran.events), ['/root/.kept']);
  });

  test('a file that may hold it does not lend that to another name of it', async () => {
    const setup = `echo "$NEEDLE" > ${ALLOWED}; ln ${ALLOWED} /var/tmp/linked; cp ${ALLOWED} ${ALLOWED}~`;
    await world.put({ name: 'linked', setup, allowSecretsIn: [ALLOWED] }, { NEEDLE: value });
    const ran = await world.run({ environment: 'linked', folder, prompt: '$ true' });
    assert.equal(ran.error, 'secretInFiles');
    assert.deepEqual(foundIn(ran.events).sort(), ['/root/allowed~', '/var/tmp/linked']);
  });

  test('after a change of the value nobody starts from what the old one made; after its deletion neither', async () => {
    const setup = `printf %s "$NEEDLE" > ${ALLOWED}`;
    await world.put({ name: 'changed', setup, allowSecretsIn: [ALLOWED] }, { NEEDLE: value });
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
    const start = async (outcome: string, expected: string): Promise<void> => {
      const ran = await world.run({ environment: 'changed', folder, prompt: `$ sha256sum < ${ALLOWED}` });
      assert.equal(outcomes(ran.events)[0], outcome);
      assert.equal(printed(ran.events, 'agent').slice(0, 64), hash(expected));
    };
    await start('miss', value);
    await start('hit', value);
    const newer = newValue();
    await world.one.call('secret.put', { environment: 'changed', name: 'NEEDLE', value: newer });
    await start('miss', newer);
    await world.one.call('secret.delete', { environment: 'changed', name: 'NEEDLE' });
    await start('miss', '');
  });

  test('a turn that is cancelled in its setup leaves nothing that runs with it', async () => {
    await world.put({ name: 'cancelled', setup: 'echo runs; sleep 600' }, { NEEDLE: value });
    const ran = await world.run({
      environment: 'cancelled',
      folder,
      prompt: '$ true',
      onEvent: (event, taskId) => {
        if (event.code === 'output') void world.one.call('task.cancel', { taskId });
      },
    });
    assert.equal(ran.state, 'cancelled');
    const left = (await world.containers()).filter(({ Name }) => Name.includes(ran.taskId));
    assert.deepEqual(
      left.map(({ Name }) => Name),
      [],
    );
  });

  test('what is wrong with a value is told without it', async () => {
    for (const wrong of ['Qz9NDLx', `${value}\0`, `${value}${'x'.repeat(70_000)}`]) {
      await assert.rejects(
        world.one.call('secret.put', { environment: 'mine', name: 'NEEDLE', value: wrong }),
        (error: unknown) => {
          assert.ok(error instanceof CodexError);
          assert.doesNotMatch(JSON.stringify([error.wire, error.message, error.stack]), /Qz9NDL/);
          return true;
        },
      );
    }
    for (const wrong of [{ name: value }, { environment: value }, { value: [value] }]) {
      const params = { environment: 'mine', name: 'NEEDLE', value, ...wrong } as never;
      const error: unknown = await world.one.call('secret.put', params).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof Error);
    }
    assert.deepEqual(formsIn(world.logged.join('\n'), value), []);
  });

  test('no client has heard it, no model was asked with it', () => {
    assert.deepEqual(formsIn(world.heard.join('\n'), value), []);
    assert.deepEqual(formsIn(JSON.stringify([world.model.requests, world.model.titles]), value), []);
  });
});
