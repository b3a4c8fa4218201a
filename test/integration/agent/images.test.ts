/** Pictures: those of a prompt, and those that the model asks to see. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { REQUEST_IMAGES_BYTES, SHOWN_IMAGE_BYTES } from '../../../protocol/limits.ts';
import type { PictureStore, StoredImage } from '../../../server/agent/images.ts';
import type { ResponseItem, ShellVariant } from '../../../server/model/model.ts';
import { commandsBin } from './commands-bin.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;
let bin: Awaited<ReturnType<typeof commandsBin>>;
before(async () => (bin = await commandsBin()));
after(() => bin.remove());
afterEach(async () => {
  await on?.close();
  on = undefined;
});

/** One pixel. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const URL_OF_PNG = `data:image/png;base64,${PNG.toString('base64')}`;

class Pictures implements PictureStore {
  readonly kept = new Map<string, Buffer>();
  loads = 0;
  async keep(bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.kept.set(sha256, Buffer.from(bytes));
    return sha256;
  }
  async load(sha256: string): Promise<Buffer | null> {
    this.loads++;
    return this.kept.get(sha256) ?? null;
  }
}

async function play(steps: object[], shell: ShellVariant = 'function'): Promise<Stage> {
  // A picture that follows its output is a message of the user’s: the script goes on from there.
  const turns = [
    { when: { prompt: 'view_image: ' }, steps: [{ say: 'seen' }] },
    { steps: [...steps, { say: 'done' }] },
  ];
  return (on = await stage(JSON.stringify({ turns }), { shell }));
}

async function image(pictures: Pictures, name: string, bytes: Buffer = PNG): Promise<StoredImage> {
  return { sha256: await pictures.keep(bytes), mediaType: 'image/png', name, bytes: bytes.length };
}

type Body = { input: { type: string; role?: string; output?: unknown; content?: unknown }[] };
const bodies = (played: Stage) => played.server.requests.map((request) => request.body as Body);
const imageItems = (played: Stage) =>
  played.of('item.completed').flatMap(({ item }) => (item.type === 'image' ? [item] : []));

function isSmall(items: ResponseItem[]): void {
  assert.equal(JSON.stringify(items).includes('data:image'), false);
}

test('the pictures of a prompt go along with every request, and the history has their names alone', async () => {
  const played = await play([{ run: 'echo 1' }]);
  const pictures = new Pictures();
  const images = [await image(pictures, 'a.png')];
  await played.run({ images, pictures });
  for (const { input } of bodies(played)) {
    const prompt = input.find((item) => item.type === 'message' && item.role === 'user');
    assert.deepEqual(prompt?.content, [
      { type: 'input_text', text: 'do it' },
      { type: 'input_image', image_url: URL_OF_PNG, detail: 'auto' },
    ]);
    assert.equal(JSON.stringify(input).includes('codex'), false);
  }
  isSmall(played.history.items);
  assert.equal(pictures.loads, 1);
  assert.deepEqual(played.server.problems, []);
  await played.run({ turn: 2, prompt: 'and now', pictures });
  assert.deepEqual(played.server.problems, []);
  assert.ok(JSON.stringify(bodies(played).at(-1)).includes(URL_OF_PNG));
});

test('a picture that is gone, and those that are too many, are named instead', async () => {
  const played = await play([]);
  const pictures = new Pictures();
  const old = { ...(await image(pictures, 'old.png')), bytes: REQUEST_IMAGES_BYTES };
  await played.run({ images: [old], pictures });
  const newer = await image(pictures, 'new.png', Buffer.concat([PNG, Buffer.from('2')]));
  const gone = { ...newer, sha256: 'f'.repeat(64), name: 'gone.png' };
  await played.run({ turn: 2, prompt: 'more', images: [newer, gone], pictures });
  const text = JSON.stringify(bodies(played).at(-1));
  assert.match(text, /The image old\.png is left out here/);
  assert.match(text, /The image gone\.png is left out here/);
  assert.equal(text.split('input_image').length - 1, 1);
  assert.deepEqual(
    played.of('limit.reached').map(({ limit }) => limit),
    ['requestImagesBytes'],
  );
});

const MAKE = `printf '%s' '${PNG.toString('base64')}' | base64 -d > p.png`;

test('a picture in the sandbox comes back with the output of view_image', async () => {
  const played = await play([{ run: MAKE }, { run: 'view_image p.png && echo looked' }]);
  const pictures = new Pictures();
  await played.run({ env: bin.env, pictures });
  const output = bodies(played).at(-1)?.input.at(-1)?.output as {
    type: string;
    text?: string;
    image_url?: string;
  }[];
  assert.deepEqual(
    output.map(({ type }) => type),
    ['input_text', 'input_image'],
  );
  assert.match(output[0]?.text ?? '', /p\.png: image\/png, 70 bytes\nlooked\n$/);
  assert.equal(output[1]?.image_url, URL_OF_PNG);
  const [item] = imageItems(played);
  assert.equal(item?.mediaType, 'image/png');
  assert.match(item?.path ?? '', /\/p\.png$/);
  isSmall(played.history.items);
  assert.deepEqual(played.server.problems, []);
});

for (const shell of ['local_shell', 'shell'] as const) {
  test(`where ${shell} has an answer of text alone, the picture follows it`, async () => {
    const played = await play([{ run: `${MAKE}; view_image p.png` }], shell);
    const outcome = await played.run({ env: bin.env, pictures: new Pictures() });
    assert.equal(outcome.answer, 'seen');
    const last = bodies(played).at(-1)?.input.at(-1);
    assert.equal(last?.role, 'user');
    assert.deepEqual(last?.content, [
      { type: 'input_text', text: '[view_image: p.png]' },
      { type: 'input_image', image_url: URL_OF_PNG, detail: 'auto' },
    ]);
    assert.deepEqual(played.server.problems, []);
  });
}

test('view_image says what it can’t show, and shows nothing then', async () => {
  const played = await play([
    {
      run: `${MAKE}; echo text > t.png; mkfifo pipe; head -c ${SHOWN_IMAGE_BYTES} /dev/zero | cat p.png - > large.png`,
    },
    {
      run: 'for f in t.png pipe large.png none.png; do view_image p.png $f; echo $?; done; view_image; echo $?; CODEX_NOTES= view_image p.png',
    },
  ]);
  const pictures = new Pictures();
  await played.run({ env: bin.env, pictures });
  const text = JSON.stringify(played.history.items.at(-2));
  assert.match(text, /t\.png: it is no PNG, JPEG, GIF or WebP/);
  assert.match(text, /pipe: it is no file/);
  assert.match(text, /large\.png: it has \d+ bytes, and 5242880 can be shown/);
  assert.match(text, /none\.png: there is no such file/);
  assert.match(text, /Usage: view_image FILE/);
  assert.match(text, /only when view_image stands in the call itself/);
  assert.deepEqual(imageItems(played), []);
});

test('what a forged note names is looked at again, and bounded', async () => {
  const forged =
    'for p in "$PWD/t.png" "$PWD/large.png" /etc "$PWD/p.png"; do printf \'{"kind":"image","path":"%s"}\\n\' "$p" >> "$CODEX_NOTES"; done; : view_image';
  const played = await play([
    { run: `${MAKE}; echo text > t.png; head -c ${SHOWN_IMAGE_BYTES} /dev/zero | cat p.png - > large.png` },
    { run: forged },
    {
      run: `for i in $(seq 12); do printf '{"kind":"image","path":"p.png"}\\n' >> "$CODEX_NOTES"; done; : view_image`,
    },
  ]);
  const pictures = new Pictures();
  await played.run({ env: bin.env, pictures });
  const texts = played.history.items.flatMap((item) =>
    'output' in item && typeof item.output === 'string' ? [item.output] : [],
  );
  assert.match(texts[1] ?? '', /t\.png can't be shown: it is no PNG/);
  assert.match(texts[1] ?? '', /large\.png can't be shown: it is larger than 5 MiB/);
  assert.match(texts[1] ?? '', /\/etc can't be shown: there is no such file/);
  assert.match(texts[2] ?? '', /Only 8 images are shown at once/);
  assert.equal(pictures.kept.size, 1);
  assert.equal(imageItems(played).length, 9);
});
