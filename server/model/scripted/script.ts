/**
 * What a script is, and which of its steps answers a request. Pure.
 *
 * A script is YAML:
 *
 *   turns:                       # the first that fits the newest user message plays
 *     - when:                    # all that are given have to hold; none: always
 *         prompt: '^fix (\w+)'   # regular expression on that message, without case
 *         mode: code             # ask | code | review, as the instructions say; code where they don't
 *         followUp: true         # whether the conversation has earlier answers
 *         attempt: 2             # of several at the same task, by the end of the prompt cache's key
 *       steps:                   # one per response of the model, in order
 *         - think: Short plan.                     # a reasoning item with this summary
 *           say: I look at the files first.        # a message
 *           run:                                   # one tool call each, all in this response
 *             - ls -la
 *             - {command: npm test, workdir: src, timeoutMs: 60000}
 *             - {argv: [node, -e, 'console.log(1)']}
 *         - patch: |                               # `apply_patch` with this text
 *             *** Begin Patch
 *             …
 *         - say: 'Done: {{1}}. The tests say {{output}}'  # a step without calls ends the turn
 *     - commandsFromPrompt: true # each line `$ command` of the message is a step of its own
 *       steps: [{say: '{{output}}'}]
 *
 * In texts and commands `{{prompt}}` is the message, `{{1}}` … what its groups matched, `{{output}}`
 * what the newest call printed. A step can misbehave before it behaves: `delayMs`, and
 * `fault: {kind, times, …}` (see `Fault`). `call: {name, arguments}` makes a call of any tool with any
 * text for arguments; `item: {type, …}` any item as the model would send it, without its ids. A step `title` beside `turns` answers what is asked under a key that ends in
 * `-title`; without one the answer is empty.
 *
 * Which step comes next is read off the request alone: the calls since the newest user message are
 * counted. So a script plays for any number of conversations at once, and goes on after a restart.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import { Mode } from '../../../protocol/states.ts';

const Command = z.union([
  z.string(),
  z.strictObject({
    command: z.string().optional(),
    argv: z.array(z.string()).optional(),
    workdir: z.string().optional(),
    timeoutMs: z.number().optional(),
  }),
]);

export const Fault = z.strictObject({
  kind: z.enum([
    /** An HTTP answer with `status`, `code`, `message` and `headers`. */
    'status',
    /** The connection breaks in the middle: after `after`. */
    'cut',
    /** Something that is no event. */
    'garbage',
    /** A `response.failed` with `code`. */
    'failed',
    /** A `response.incomplete`. */
    'incomplete',
    /** No event ever comes. */
    'hang',
  ]),
  /** How often, per conversation and step, before the step plays as it should. */
  times: z.number().int().default(1),
  status: z.number().int().default(500),
  code: z.string().optional(),
  message: z.string().default('The script wants this to fail.'),
  headers: z.record(z.string(), z.string()).default({}),
  after: z.enum(['start', 'text', 'item']).default('start'),
});
export type Fault = z.infer<typeof Fault>;

const NamedCall = z.strictObject({ name: z.string(), arguments: z.string() });

const Step = z.strictObject({
  think: z.string().optional(),
  say: z.string().optional(),
  run: z.union([Command, z.array(Command)]).optional(),
  patch: z.string().optional(),
  call: z.union([NamedCall, z.array(NamedCall)]).optional(),
  item: z.looseObject({ type: z.string() }).optional(),
  delayMs: z.number().optional(),
  fault: Fault.optional(),
});

const Turn = z.strictObject({
  when: z
    .strictObject({
      prompt: z.string().optional(),
      mode: Mode.optional(),
      followUp: z.boolean().optional(),
      attempt: z.number().int().optional(),
    })
    .optional(),
  commandsFromPrompt: z.boolean().optional(),
  steps: z.array(Step).min(1),
});

export const Script = z.strictObject({
  name: z.string().optional(),
  /** Answers the request for a task's title; absent: there is none, and the prompt's first line stays. */
  title: Step.optional(),
  turns: z.array(Turn).min(1),
});
export type Script = z.infer<typeof Script>;

/** Throws with the place of the mistake. */
export function parseScript(yaml: string): Script {
  return Script.parse(parse(yaml));
}

/** A tool call that the script wants, before it is mapped onto a tool that the request offers. */
export type WantedCall =
  | { kind: 'shell'; command: string | string[]; workdir?: string; timeoutMs?: number }
  | { kind: 'raw'; name: string; arguments: string }
  | { kind: 'item'; item: { type: string } };

export interface PlayedStep {
  /** Where in the script: names the step for its faults. */
  key: string;
  think?: string;
  say?: string;
  calls: WantedCall[];
  delayMs: number;
  fault?: Fault;
}

/** The part of a conversation that decides. */
export interface Situation {
  prompt: string;
  mode: z.infer<typeof Mode>;
  followUp: boolean;
  /** Absent: the first. */
  attempt?: number;
  callsSince: number;
  lastOutput: string;
}

export function chooseStep(script: Script, situation: Situation): PlayedStep {
  for (const [index, turn] of script.turns.entries()) {
    const groups = fits(turn.when, situation);
    if (groups === null) continue;
    const fill = (text: string) => filled(text, situation, groups);
    const steps = stepsOf(turn, situation, fill);
    let before = 0;
    for (const [at, step] of steps.entries()) {
      if (before >= situation.callsSince || at === steps.length - 1) {
        return { ...step, key: `${index}.${at}` };
      }
      before += step.calls.length;
    }
  }
  return { key: 'none', say: 'The script has no turn for this prompt.', calls: [], delayMs: 0 };
}

/** The request for a title is beside the conversation: no turn plays for it. */
export function titleStep(script: Script, situation: Situation): PlayedStep {
  const { say = '', delayMs = 0, fault } = script.title ?? {};
  return { key: 'title', say: filled(say, situation, []), calls: [], delayMs, ...(fault ? { fault } : {}) };
}

function fits(when: z.infer<typeof Turn>['when'], situation: Situation): string[] | null {
  if (when?.mode !== undefined && when.mode !== situation.mode) return null;
  if (when?.followUp !== undefined && when.followUp !== situation.followUp) return null;
  if (when?.attempt !== undefined && when.attempt !== (situation.attempt ?? 1)) return null;
  if (when?.prompt === undefined) return [];
  const match = new RegExp(when.prompt, 'iu').exec(situation.prompt);
  return match ? [...match].map((group) => group ?? '') : null;
}

function stepsOf(
  turn: z.infer<typeof Turn>,
  situation: Situation,
  fill: (text: string) => string,
): Omit<PlayedStep, 'key'>[] {
  const written = turn.steps.map((step) => ({
    ...(step.think === undefined ? {} : { think: fill(step.think) }),
    ...(step.say === undefined ? {} : { say: fill(step.say) }),
    calls: callsOf(step, fill),
    delayMs: step.delayMs ?? 0,
    ...(step.fault ? { fault: step.fault } : {}),
  }));
  if (!turn.commandsFromPrompt) return written;
  const commands = situation.prompt.split('\n').flatMap((line) => /^\$ (.+)$/.exec(line.trim())?.[1] ?? []);
  return [
    ...commands.map((command) => ({ calls: [{ kind: 'shell' as const, command }], delayMs: 0 })),
    ...written,
  ];
}

function callsOf(step: z.infer<typeof Step>, fill: (text: string) => string): WantedCall[] {
  const commands = step.run === undefined ? [] : Array.isArray(step.run) ? step.run : [step.run];
  const calls = commands.map((command): WantedCall => {
    if (typeof command === 'string') return { kind: 'shell', command: fill(command) };
    return {
      kind: 'shell',
      command: command.argv?.map(fill) ?? fill(command.command ?? ''),
      ...(command.workdir === undefined ? {} : { workdir: fill(command.workdir) }),
      ...(command.timeoutMs === undefined ? {} : { timeoutMs: command.timeoutMs }),
    };
  });
  if (step.patch !== undefined) {
    calls.push({ kind: 'shell', command: `apply_patch <<'PATCH'\n${fill(step.patch).trimEnd()}\nPATCH` });
  }
  for (const call of [step.call ?? []].flat()) calls.push({ kind: 'raw', ...call });
  if (step.item) calls.push({ kind: 'item', item: step.item });
  return calls;
}

function filled(text: string, situation: Situation, groups: string[]): string {
  return text.replaceAll(/\{\{(prompt|output|mode|\d+)\}\}/g, (_, name: string) => {
    if (name === 'prompt') return situation.prompt;
    if (name === 'output') return situation.lastOutput.trimEnd();
    if (name === 'mode') return situation.mode;
    return groups[Number(name)] ?? '';
  });
}
