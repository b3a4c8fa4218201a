/** Which model a turn is run with, as its environment is put together and told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import type { ModelClient } from '../../../server/model/model.ts';
import { environmentOf, type ModelFor } from '../../../server/pipeline/environment.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import type { TurnContext } from '../../../server/tasks/turn-context.ts';
import { memoryRooms } from '../../integration/pipeline/memory-rooms.ts';
import { memoryTask, memoryTurn } from '../../integration/pipeline/memory-turn.ts';

const NO_FILES = { readFile: async () => null } as unknown as Repos;
const REPO = { repoId: 'abcdefgh', name: 'app', sha: 'a'.repeat(40), includesLocal: false };

async function applied(
  environment: Partial<Environment>,
  of: { task?: Partial<TurnContext['task']>; turn?: Partial<TurnContext>; modelFor?: ModelFor } = {},
) {
  const asked: (string | null)[] = [];
  const task = memoryTask('task', REPO);
  const { context } = memoryTurn(task, { turn: 1, prompt: 'x' });
  const turn: TurnContext = { ...context, ...of.turn, task: { ...context.task, ...of.task } };
  const { rooms } = memoryRooms({ ...defaultEnvironment(), ...environment });
  const modelFor: ModelFor = (name) => {
    asked.push(name);
    return { name: name ?? 'standard' } as ModelClient;
  };
  const { model, effort } = await environmentOf(turn, 1, rooms, NO_FILES, of.modelFor ?? modelFor);
  const event = task.events.find(({ code }) => code === 'environment.applied');
  assert.ok(event?.code === 'environment.applied');
  assert.deepEqual(
    [model?.name, effort],
    [event.params.model, event.params.effort],
    'what is told is what holds',
  );
  return { asked, held: [model?.name, effort] };
}

test('turn, task and environment are asked in this order, and what holds is told', async () => {
  const environment = { model: 'of-environment', effort: 'low' } as const;
  assert.deepEqual((await applied({})).held, ['standard', undefined]);
  assert.deepEqual((await applied(environment)).held, ['of-environment', 'low']);
  const task = { model: 'of-task', effort: 'high' } as const;
  assert.deepEqual((await applied(environment, { task })).held, ['of-task', 'high']);
  const turn = { model: 'of-turn' };
  assert.deepEqual((await applied(environment, { task, turn })).held, ['of-turn', undefined]);
});

test('a try of the setup asks no model, and needs none', async () => {
  const modelFor = () => {
    throw new CodexError('modelNotConfigured');
  };
  const { held } = await applied({ model: 'gone', effort: 'low' }, { turn: { onlySetup: true }, modelFor });
  assert.deepEqual(held, [undefined, undefined]);
});

test('a model that is not there ends the turn before anything is prepared', async () => {
  const modelFor = async () => {
    throw new CodexError('modelUnknown', { name: 'gone', models: 'a, b' });
  };
  await assert.rejects(applied({ model: 'gone' }, { modelFor }), { code: 'modelUnknown' });
});
