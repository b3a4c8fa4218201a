/** What a prompt's links lead to, and a template for pull requests, in the requests to the model. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { NewEvent } from '../../../protocol/events.ts';
import type { Linked, LinkedFile, PromptLinks } from '../../../server/agent/linked.ts';
import type { Steer } from '../../../server/agent/steering.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;

afterEach(async () => {
  await on?.close();
  on = undefined;
});

const SCRIPT = `turns:
  - when: {followUp: true}
    steps: [{say: Again.}]
  - steps: [{run: echo one}, {say: Done.}]
`;
const URL = 'https://github.test/acme/shop/issues/7';
const FILE: LinkedFile = { name: 'acme-shop-8-12345678.diff', sha256: 'f'.repeat(64) };
const READ: NewEvent = { code: 'warning', params: { code: 'linkRead', params: { url: URL } } };

class Links implements PromptLinks {
  reads = 0;
  readonly laid: string[] = [];
  async read(said?: Steer): Promise<{ linked: Linked[]; events: NewEvent[] }> {
    if (said && !said.text.includes(URL)) return { linked: [], events: [] };
    this.reads++;
    if (said) {
      const file = { name: `${said.id}.diff`, sha256: FILE.sha256 };
      const linked: Linked[] = [
        { kind: 'text', url: URL, what: 'issue', text: `for ${said.id}` },
        { kind: 'file', url: URL, file, path: `/run/codex/links/${file.name}`, bytes: 3 },
      ];
      return { linked, events: [READ] };
    }
    return {
      linked: [
        { kind: 'text', url: URL, what: 'issue', text: `read ${this.reads} times` },
        { kind: 'file', url: URL, file: FILE, path: `/run/codex/links/${FILE.name}`, bytes: 3 },
      ],
      events: [READ],
    };
  }
  async lay({ name }: LinkedFile) {
    this.laid.push(name);
  }
}

const texts = (played: Stage, request: number): string[] =>
  (played.server.requests[request]?.body as { input: { role?: string; content?: string }[] }).input
    .filter((item) => item.role === 'user')
    .map((item) => item.content ?? '');

test('what links lead to stands before the prompt, in one write with it and what is told of it', async () => {
  const played = (on = await stage(SCRIPT));
  const links = new Links();
  const writes: number[] = [];
  played.history.onAppend = (items) => void writes.push(items.length);
  await played.run({ links });
  const [linked = '', prompt] = texts(played, 0);
  assert.match(linked, /^# What the links in the next message lead to\n[^]*read 1 times/);
  assert.equal(prompt, 'do it');
  assert.equal(writes[0], 2);
  assert.deepEqual(
    played.of('warning').map(({ code }) => code),
    ['linkRead'],
  );
  assert.deepEqual(texts(played, 1).slice(0, 2), texts(played, 0).slice(0, 2), 'the same bytes again');
  assert.deepEqual(links.laid, [FILE.name]);
  assert.equal(JSON.stringify(played.server.requests).includes('codexLinked'), false);
  assert.deepEqual(played.server.problems, []);
});

test('a turn that is taken up again says the same as before and reads nothing, but its files are laid', async () => {
  const played = (on = await stage(SCRIPT));
  const before = new Links();
  played.history.onAppend = (items) => {
    if (items.some((item) => item.type === 'function_call_output')) throw new Error('the backend died');
  };
  await assert.rejects(played.run({ links: before }));
  played.history.onAppend = () => {};
  const first = texts(played, 0);
  const after = new Links();
  await played.run({ links: after });
  assert.equal(after.reads, 0);
  assert.deepEqual(after.laid, [FILE.name]);
  assert.deepEqual(texts(played, played.server.requests.length - 1).slice(0, 2), first);
});

test('a follow-up reads its own links, and an earlier turn’s files are there still', async () => {
  const played = (on = await stage(SCRIPT));
  await played.run({ links: new Links() });
  const links = new Links();
  links.read = async () => ({ linked: [], events: [] });
  await played.run({ links, turn: 2, prompt: 'and now?' });
  assert.equal(texts(played, 2).length, 3);
  assert.deepEqual(links.laid, [FILE.name]);
});

/** What is said once it has begun, in this order. */
function speaking(...texts: string[]) {
  const said: Steer[] = [];
  const after = async (position: number): Promise<Steer[]> => said.filter((one) => one.position > position);
  return {
    steering: { after, close: after },
    begin: (): void => {
      for (const text of texts) {
        const position = said.length + 1;
        said.push({ id: `said-1-${position}`, position, text });
      }
    },
  };
}

test('what is said while a turn runs brings along what its links lead to, each before its words', async () => {
  const played = (on = await stage(SCRIPT));
  const links = new Links();
  const { steering, begin } = speaking(`See ${URL}`, 'quickly', `and ${URL} again`);
  const writes: number[] = [];
  played.history.onAppend = (items) => {
    writes.push(items.length);
    if (items.some((item) => item.type === 'function_call') && links.reads === 1) begin();
  };
  await played.run({ links, steering });
  const shown = texts(played, 1).map((text) => /for said-1-\d/.exec(text)?.[0] ?? text);
  assert.deepEqual(shown.slice(1), [
    'do it',
    ...['for said-1-1', `See ${URL}`, 'quickly', 'for said-1-3', `and ${URL} again`],
  ]);
  assert.ok(writes.includes(5), 'one write for all of it');
  assert.deepEqual(links.laid, [FILE.name, 'said-1-1.diff', 'said-1-3.diff']);
  const told = played.events.flatMap(({ code, params }) =>
    code === 'warning'
      ? [params.code]
      : code === 'item.started' && params.item.type === 'message' && params.item.role === 'user'
        ? [params.item.id]
        : [],
  );
  assert.deepEqual(told, ['linkRead', 'linkRead', 'said-1-1', 'said-1-2', 'linkRead', 'said-1-3']);
  assert.deepEqual(played.server.problems, []);
});

test('words with a link that a crash came upon are neither lost nor said twice, and what was read is read once', async () => {
  const played = (on = await stage(SCRIPT));
  const { steering, begin } = speaking(`See ${URL}`, 'quickly');
  begin();
  const crash = (when: (items: readonly { type?: unknown }[]) => boolean) => {
    played.history.onAppend = (items) => {
      if (when(items)) throw new Error('the backend died');
    };
  };
  // Once before they are stored, once after that.
  crash((items) => items.some((item) => 'codexSteer' in item));
  await assert.rejects(played.run({ links: new Links(), steering }), /died/);
  const second = new Links();
  crash((items) => items.some(({ type }) => type === 'function_call_output'));
  await assert.rejects(played.run({ links: second, steering }), /died/);
  played.history.onAppend = () => {};
  const third = new Links();
  await played.run({ links: third, steering });
  assert.deepEqual([second.reads, third.reads], [1, 0]);
  assert.deepEqual(third.laid, [FILE.name, 'said-1-1.diff']);
  const last = texts(played, played.server.requests.length - 1);
  assert.deepEqual(
    last.slice(1).map((text) => /for said-1-\d/.exec(text)?.[0] ?? text),
    ['do it', 'for said-1-1', `See ${URL}`, 'quickly'],
  );
});

test('a template is told once in a conversation, and again when it has changed', async () => {
  const played = (on = await stage(SCRIPT));
  const template = { path: '.github/pull_request_template.md', text: '## What', cut: null };
  await played.run({ template });
  await played.run({ template, turn: 2, prompt: 'and now?' });
  await played.run({ template: { ...template, text: '## Why' }, turn: 3, prompt: 'and then?' });
  const told = texts(played, 3);
  assert.deepEqual(
    told.map((text) => (text.startsWith('# Pull request template') ? 'template' : text)),
    ['template', 'do it', 'and now?', 'template', 'and then?'],
  );
  assert.match(told[0] ?? '', /github\/pull_request_template\.md[^]*<TEMPLATE>\n## What\n<\/TEMPLATE>/);
  const instructions = played.server.requests.map(
    (one) => (one.body as { instructions: string }).instructions,
  );
  assert.equal(new Set(instructions).size, 1);
});
