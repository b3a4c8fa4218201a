/** The scripted model's schema is the `openai` package's: the first half of this is proven by the compiler. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type OpenAI from 'openai';
import type { z } from 'zod';
import { checkRequest } from '../../../server/model/scripted/request.ts';
import type * as schema from '../../../server/model/scripted/schema.ts';

type Item = OpenAI.Responses.ResponseInputItem;
type Create = OpenAI.Responses.ResponseCreateParamsStreaming;

type Same<A, B> = [A] extends [B]
  ? [B] extends [A]
    ? [AllFields<A>] extends [AllFields<B>]
      ? [AllFields<B>] extends [AllFields<A>]
        ? true
        : { missing: Exclude<AllFields<B>, AllFields<A>> }
      : { more: Exclude<AllFields<A>, AllFields<B>> }
    : 'the package takes more'
  : 'the package takes less';
/** Of every member of a union: an optional field that one of them lacks would pass as assignable. */
type AllFields<T> = T extends readonly (infer E)[]
  ? AllFields<E>
  : T extends string
    ? never
    : T extends object
      ? { [K in keyof T & string]: K }[keyof T & string]
      : never;
/** Compiles for `true` alone. */
type Proof<T extends true> = T;

type Proofs = [
  Proof<Same<z.infer<typeof schema.EasyMessage>, OpenAI.Responses.EasyInputMessage>>,
  Proof<Same<z.infer<typeof schema.InputMessage>, OpenAI.Responses.ResponseInputItem.Message>>,
  Proof<Same<z.infer<typeof schema.OutputMessage>, OpenAI.Responses.ResponseOutputMessage>>,
  Proof<Same<z.infer<typeof schema.FunctionTool>, OpenAI.Responses.FunctionTool>>,
  Proof<Same<z.infer<typeof schema.CustomTool>, OpenAI.Responses.CustomTool>>,
  Proof<Same<z.infer<typeof schema.LocalShellTool>, OpenAI.Responses.Tool.LocalShell>>,
  Proof<Same<z.infer<typeof schema.ShellTool>, OpenAI.Responses.FunctionShellTool>>,
  Proof<Same<z.infer<typeof schema.ApplyPatchTool>, OpenAI.Responses.ApplyPatchTool>>,
  Proof<Same<z.infer<typeof schema.WebSearchTool>, OpenAI.Responses.WebSearchTool>>,
  Proof<Same<z.infer<typeof schema.NamespaceTool>, OpenAI.Responses.NamespaceTool>>,
];

type ItemProofs = {
  [T in keyof typeof schema.ITEMS]: Same<z.infer<(typeof schema.ITEMS)[T]>, Extract<Item, { type: T }>>;
};
type CreateFields = typeof schema.CREATE_FIELDS;
type FieldProofs = {
  [K in keyof CreateFields]: K extends keyof Create
    ? Same<z.infer<CreateFields[K]>, Exclude<Create[K], undefined>>
    : 'no field of the package';
};

const ITEMS: ItemProofs = {
  reasoning: true,
  function_call: true,
  function_call_output: true,
  custom_tool_call: true,
  custom_tool_call_output: true,
  local_shell_call: true,
  local_shell_call_output: true,
  shell_call: true,
  shell_call_output: true,
  apply_patch_call: true,
  apply_patch_call_output: true,
};
const FIELDS: Same<keyof CreateFields, Exclude<keyof Create, 'input' | 'tools'>> = true;
/** Holds only if every field's proof is `true`. */
const VALUES: Proof<FieldProofs[keyof FieldProofs] extends true ? true : false> = true;

test('the schema is the one of the package, field by field', () => {
  const proofs: Proofs | undefined = undefined;
  assert.equal(proofs, undefined, 'the compiler has proven them');
  assert.ok(FIELDS && VALUES && Object.values(ITEMS).every(Boolean));
});

const base = {
  model: 'm',
  instructions: 'x',
  stream: true,
  store: false,
  input: [{ role: 'user', content: 'hi' }] as object[],
};
const call = { type: 'function_call', call_id: 'a', name: 'x', arguments: '{}' };
const output = { type: 'function_call_output', call_id: 'a', output: 'x' };
const tool = { type: 'function', name: 'x', parameters: {}, strict: false };

for (const [name, change, param] of [
  ['a field that is not in the schema', { temprature: 1 }, 'temprature'],
  ['a field of the wrong type', { parallel_tool_calls: 'yes' }, 'parallel_tool_calls'],
  ['an effort that does not exist', { reasoning: { effort: 'huge' } }, 'reasoning.effort'],
  ['an unknown include', { include: ['everything'] }, 'include.0'],
  [
    'a tool without its parameters',
    { tools: [{ type: 'function', name: 'x', strict: false }] },
    'tools.0.parameters',
  ],
  ['a tool with a field too many', { tools: [{ ...tool, timeout: 3 }] }, 'tools.0.timeout'],
  ['a kind of item that does not exist', { input: [{ type: 'thought' }] }, 'input.0'],
  ['a call with a field too many', { input: [{ ...call, timeout: 1 }, output] }, 'input.0.timeout'],
  ['an output that is a number', { input: [call, { ...output, output: 7 }] }, 'input.1.output'],
  [
    'a message of the assistant that is no output message',
    {
      input: [
        {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'x', annotations: [] }],
        },
      ],
    },
    'input.0.id',
  ],
  [
    'an image without its detail',
    { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'data:' }] }] },
    'input.0.content',
  ],
] as const) {
  test(`${name} is refused by its name`, () => {
    const checked = checkRequest({ ...base, ...change });
    assert.ok(!checked.ok);
    assert.ok(checked.param.startsWith(param), `${checked.param}: ${checked.message}`);
  });
}

test('what the Codex CLI adds to the schema is taken, and noted', () => {
  const checked = checkRequest({
    ...base,
    client_metadata: { a: 'b' },
    input: [
      { type: 'message', id: 'msg_1', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      { type: 'reasoning', id: 'rs', summary: [], content: null, encrypted_content: 'x' },
    ],
  });
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.beyond, ['client_metadata', 'input.0.id', 'input.1.content']);
});
