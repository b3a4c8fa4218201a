/** `codex-tasks env test`: runs an environment's setup for a folder, and follows it as `run` does. */
import { randomUUID } from 'node:crypto';
import { EXIT } from '../../protocol/result.ts';
import { humanOutput, jsonOutput } from '../run/output.ts';
import { runTask } from '../run/run.ts';
import type { EnvCommand } from './options.ts';

export async function tryEnvironment(command: Extract<EnvCommand, { action: 'test' }>): Promise<number> {
  const { name, repo, includeLocal, json, own } = command;
  const output = json ? jsonOutput() : humanOutput();
  const requestId = randomUUID();
  const { result, attempt } = await runTask(
    {
      repo,
      includeLocal,
      json,
      own,
      mode: 'ask',
      environment: name,
      prompt: '',
      ref: null,
      apply: false,
      output: null,
      attempts: 1,
      choose: null,
      model: null,
      effort: null,
    },
    output,
    async (connection, at, signal) =>
      (await connection.call('environment.test', { requestId, name, repo: at }, signal)).task.id,
  );
  output.end(result, attempt);
  return EXIT[result.status];
}
