/**
 * A sensible model for one plan, in the test's own process: it outlives the backend. Everything that it
 * says next it reads off the request, so that one that was asked twice says the same; where it is told
 * that a command may or may not have run it looks, and runs it only if it has not.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkRequest, prefixHashes, type WireRequest } from '../../../server/model/scripted/request.ts';
import { play } from '../../../server/model/scripted/wire.ts';
import type { Plan, Planned } from './plan.ts';

type Standing = 'open' | 'done' | 'unknown';

export interface KillModel {
  url: string;
  /** What a request or a result should not have been. */
  readonly problems: string[];
  /** Calls of whose end nothing was known: by the call's id in the plan, once for each time. */
  readonly interrupted: string[];
  /** How often the sandbox was told to be lost, and the work began anew. */
  lost: number;
  close: () => Promise<void>;
}

export interface KillModelOptions {
  plan: Plan;
  /** Before it answers with what belongs to this step; false: the backend is gone, and the answer with it. */
  before: (step: number) => Promise<boolean>;
  answered: (step: number) => void;
}

export async function startKillModel({ plan, before, answered }: KillModelOptions): Promise<KillModel> {
  const problems: string[] = [];
  const interrupted = new Set<string>();
  const lost = new Set<number>();
  let longest: string[] = [];

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      problems.push(String(error));
      response.destroy();
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return;
    }
    if (request.method !== 'POST') {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"object":"list","data":[]}');
      return;
    }
    const checked = checkRequest(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    if (!checked.ok) {
      problems.push(checked.message);
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: checked.message, code: 'invalid_request_error' } }));
      return;
    }
    // Somebody asks for a title, under a key of its own: the prompt's first line will do.
    if (checked.request.prompt_cache_key?.endsWith('-title')) {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: 'No title.', code: 'invalid_request_error' } }));
      return;
    }
    notePrefix(checked.request);
    const read = readHistory(checked.request, plan, problems);
    for (const one of read.interrupted) interrupted.add(one);
    for (const at of read.lostAt) lost.add(at);
    const { step, say, calls } = nextOf(plan, read.standings);
    if (!(await before(step))) return;
    const { events } = play(
      {
        key: String(step),
        ...(say === undefined ? { think: `Step ${step}.` } : { say }),
        calls: calls.map((command) => ({ kind: 'shell', command })),
        delayMs: 0,
      },
      checked.request,
      0,
    );
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    response.end();
    answered(step);
  }

  /** A history only grows, whatever was killed in between. */
  function notePrefix(request: WireRequest): void {
    const hashes = prefixHashes(request);
    const shorter = Math.min(hashes.length, longest.length);
    if (shorter > 0 && hashes[shorter - 1] !== longest[shorter - 1])
      problems.push('The history was rewritten.');
    if (hashes.length < longest.length) problems.push('The history is shorter than it was.');
    longest = hashes;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    problems,
    get interrupted() {
      return [...interrupted];
    },
    get lost() {
      return lost.size;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function nextOf(
  plan: Plan,
  standings: ReadonlyMap<string, Standing>,
): { step: number; say?: string; calls: string[] } {
  const standing = ({ id }: Planned) => standings.get(id) ?? 'open';
  for (const [step, commands] of plan.steps.entries()) {
    const unknown = commands.filter((one) => standing(one) === 'unknown');
    if (unknown.length > 0) return { step, calls: unknown.map(({ id, look }) => `${look} #look:${id}`) };
    const open = commands.filter((one) => standing(one) === 'open');
    if (open.length > 0) return { step, calls: open.map(marked) };
  }
  return { step: plan.steps.length, say: plan.answer, calls: [] };
}

/** First, so that it is seen however long the command is. */
function marked({ id, command }: Planned): string {
  return `: run:${id}\n${command}`;
}

interface History {
  standings: Map<string, Standing>;
  interrupted: string[];
  lostAt: number[];
}

function readHistory(request: WireRequest, plan: Plan, problems: string[]): History {
  const planned = new Map(plan.steps.flat().map((one) => [one.id, one]));
  const history: History = { standings: new Map(), interrupted: [], lostAt: [] };
  const calls = new Map<string, { id: string; isLook: boolean }>();
  for (const [at, item] of request.input.entries()) {
    const text = JSON.stringify(item);
    if (item.type === 'message' && /The sandbox was lost/.test(text)) {
      history.standings.clear();
      history.lostAt.push(at);
      continue;
    }
    if (!('call_id' in item)) continue;
    const callId = String(item.call_id);
    if (!item.type.endsWith('_output')) {
      const [, kind, id] = /: (run):(\w+)\b/.exec(text) ?? /#(look):(\w+)\b/.exec(text) ?? [];
      if (id !== undefined) calls.set(callId, { id, isLook: kind === 'look' });
      continue;
    }
    const call = calls.get(callId);
    const one = planned.get(call?.id ?? '');
    const output = 'output' in item && typeof item.output === 'string' ? item.output : '';
    if (!call || !one) problems.push(`An output without its call: ${text.slice(0, 300)}`);
    else if (call.isLook) history.standings.set(one.id, looked(one, output, problems));
    else if (/was interrupted|was lost/.test(output)) {
      history.standings.set(one.id, 'unknown');
      history.interrupted.push(`${one.id}@${at}`);
    } else {
      history.standings.set(one.id, 'done');
      if (!new RegExp(`^\\[command \\d+\\]\\nExit code: ${one.exitCode}\\n`).test(output))
        problems.push(`${one.id}: ${output.slice(0, 500)}`);
    }
  }
  return history;
}

function looked({ id }: Planned, output: string, problems: string[]): Standing {
  const count = /Output:\n(\d+)/.exec(output)?.[1];
  if (count === '1') return 'done';
  if (count === '0') return 'open';
  if (count === undefined) return 'unknown';
  problems.push(`${id} had its effect ${count} times.`);
  return 'done';
}
