/** What the making of a turn's sandboxes, the setup's and the agent's, knows of the turn. */
import type { Repos } from '../repos/repos.ts';
import { doorGeneration, safeName } from '../sandbox/of-turn.ts';
import type { Sandbox, SandboxDriver, SandboxRole } from '../sandbox/sandbox.ts';
import type { TurnContext } from '../tasks/turn-context.ts';
import type { TurnEnvironment } from './environment.ts';
import type { OwnersInstructions } from './agents-files.ts';
import type { InternetProxy } from './internet.ts';
import type { ReadLinks } from './links/index.ts';
import type { Rooms } from './rooms.ts';
import type { SharedStart } from './start.ts';

export interface Preparation {
  turn: TurnContext;
  attempt: number;
  /** The commit that the turn starts from: the person's, or the newest result. */
  startSha: string;
  environment: TurnEnvironment;
  /** Fills the task's own repository, once: whoever needs it waits for it. */
  origin: () => Promise<void>;
  parts: { driver: SandboxDriver; repos: Repos; proxy: InternetProxy; owner?: OwnersInstructions };
  /** Where all attempts start from. */
  start: SharedStart;
  rooms: Rooms;
  /** What the prompt's links lead to; absent where no forge is connected. */
  links?: ReadLinks | undefined;
}

export function openSandbox(
  { turn, attempt, environment, parts }: Preparation,
  role: SandboxRole,
  snapshot: string | undefined,
): Promise<Sandbox> {
  const { image, limits } = environment.settings;
  return parts.driver.open(
    {
      taskId: turn.task.id,
      attempt,
      generation: doorGeneration(turn),
      repoName: safeName(turn.task.repo.name),
      role,
      image,
      ...(snapshot === undefined ? {} : { snapshot }),
      limits,
    },
    (line) => turn.progress(line),
    turn.signal,
  );
}
