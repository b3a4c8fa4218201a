/**
 * A request of the Responses API as OpenAI's published schema has it, field by field: what is not in
 * the schema is refused. `schema.test.ts` proves at compile time that every shape here is the one of
 * the `openai` package, in both directions.
 *
 * Of the items and tools those are here that have to do with a terminal; a client that sends a call of
 * a hosted tool, which this server never makes, is refused too.
 */
import { z } from 'zod';

const Status = z.enum(['in_progress', 'completed', 'incomplete']);
const PromptCacheBreakpoint = z.strictObject({
  mode: z.literal('explicit'),
  ttl: z.enum(['30m', '12h']).exactOptional(),
});
const Detail = z.enum(['low', 'high', 'auto', 'original']);
const Callers = z.array(z.enum(['direct', 'programmatic'])).nullable();
const Caller = z
  .union([
    z.strictObject({ type: z.literal('direct') }),
    z.strictObject({ type: z.literal('program'), caller_id: z.string() }),
  ])
  .nullable();
const CallId = z.string().min(1).max(64);
const ToolName = z.string().regex(/^[\w-]{1,64}$/);

export const InputText = z.strictObject({
  type: z.literal('input_text'),
  text: z.string(),
  prompt_cache_breakpoint: PromptCacheBreakpoint.exactOptional(),
});

export const InputImage = z.strictObject({
  type: z.literal('input_image'),
  detail: Detail,
  file_id: z.string().nullable().exactOptional(),
  image_url: z.string().nullable().exactOptional(),
  prompt_cache_breakpoint: PromptCacheBreakpoint.exactOptional(),
});

export const InputFile = z.strictObject({
  type: z.literal('input_file'),
  detail: z.enum(['auto', 'low', 'high']).exactOptional(),
  file_data: z.string().exactOptional(),
  file_id: z.string().nullable().exactOptional(),
  file_url: z.string().exactOptional(),
  filename: z.string().exactOptional(),
  prompt_cache_breakpoint: PromptCacheBreakpoint.exactOptional(),
});

const InputPart = z.discriminatedUnion('type', [InputText, InputImage, InputFile]);

/** The parts of an output differ from those of a message in what may be null. */
const OutputPart = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('input_text'),
    text: z.string(),
    prompt_cache_breakpoint: PromptCacheBreakpoint.nullable().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('input_image'),
    detail: Detail.nullable().exactOptional(),
    file_id: z.string().nullable().exactOptional(),
    image_url: z.string().nullable().exactOptional(),
    prompt_cache_breakpoint: PromptCacheBreakpoint.nullable().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('input_file'),
    detail: z.enum(['auto', 'low', 'high']).exactOptional(),
    file_data: z.string().nullable().exactOptional(),
    file_id: z.string().nullable().exactOptional(),
    file_url: z.string().nullable().exactOptional(),
    filename: z.string().nullable().exactOptional(),
    prompt_cache_breakpoint: PromptCacheBreakpoint.nullable().exactOptional(),
  }),
]);

const Phase = z.enum(['commentary', 'final_answer']).nullable();

export const EasyMessage = z.strictObject({
  type: z.literal('message').exactOptional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([z.string(), z.array(InputPart)]),
  phase: Phase.exactOptional(),
});

export const InputMessage = z.strictObject({
  type: z.literal('message').exactOptional(),
  role: z.enum(['user', 'system', 'developer']),
  content: z.array(InputPart),
  status: Status.exactOptional(),
});

const Annotation = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('file_citation'),
    file_id: z.string(),
    filename: z.string(),
    index: z.number(),
  }),
  z.strictObject({
    type: z.literal('url_citation'),
    start_index: z.number(),
    end_index: z.number(),
    title: z.string(),
    url: z.string(),
  }),
  z.strictObject({
    type: z.literal('container_file_citation'),
    container_id: z.string(),
    start_index: z.number(),
    end_index: z.number(),
    file_id: z.string(),
    filename: z.string(),
  }),
  z.strictObject({ type: z.literal('file_path'), file_id: z.string(), index: z.number() }),
]);
const TopLogprob = z.strictObject({ token: z.string(), bytes: z.array(z.number()), logprob: z.number() });
const Logprob = z.strictObject({ ...TopLogprob.shape, top_logprobs: z.array(TopLogprob) });

export const OutputMessage = z.strictObject({
  type: z.literal('message'),
  id: z.string().min(1),
  role: z.literal('assistant'),
  status: Status,
  content: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('output_text'),
        text: z.string(),
        annotations: z.array(Annotation),
        logprobs: z.array(Logprob).exactOptional(),
      }),
      z.strictObject({ type: z.literal('refusal'), refusal: z.string() }),
    ]),
  ),
  phase: Phase.exactOptional(),
});

export const Reasoning = z.strictObject({
  type: z.literal('reasoning'),
  id: z.string().min(1),
  summary: z.array(z.strictObject({ type: z.literal('summary_text'), text: z.string() })),
  content: z.array(z.strictObject({ type: z.literal('reasoning_text'), text: z.string() })).exactOptional(),
  encrypted_content: z.string().min(1).nullable().exactOptional(),
  status: Status.exactOptional(),
});

export const FunctionCall = z.strictObject({
  type: z.literal('function_call'),
  id: z.string().exactOptional(),
  call_id: CallId,
  name: ToolName,
  arguments: z.string(),
  async: z.boolean().exactOptional(),
  caller: Caller.exactOptional(),
  namespace: z.string().exactOptional(),
  status: Status.exactOptional(),
});

export const FunctionCallOutput = z.strictObject({
  type: z.literal('function_call_output'),
  id: z.string().nullable().exactOptional(),
  call_id: CallId.nullable().exactOptional(),
  output: z.union([z.string(), z.array(OutputPart)]),
  caller: Caller.exactOptional(),
  name: z.string().nullable().exactOptional(),
  namespace: z.string().nullable().exactOptional(),
  status: Status.nullable().exactOptional(),
});

export const CustomToolCall = z.strictObject({
  type: z.literal('custom_tool_call'),
  id: z.string().exactOptional(),
  call_id: CallId,
  name: ToolName,
  input: z.string(),
  async: z.boolean().exactOptional(),
  caller: Caller.exactOptional(),
  namespace: z.string().exactOptional(),
});

export const CustomToolCallOutput = z.strictObject({
  type: z.literal('custom_tool_call_output'),
  id: z.string().exactOptional(),
  call_id: CallId,
  output: z.union([z.string(), z.array(InputPart)]),
  caller: Caller.exactOptional(),
});

export const LocalShellCall = z.strictObject({
  type: z.literal('local_shell_call'),
  id: z.string(),
  call_id: CallId,
  status: Status,
  action: z.strictObject({
    type: z.literal('exec'),
    command: z.array(z.string()),
    env: z.record(z.string(), z.string()),
    timeout_ms: z.number().nullable().exactOptional(),
    user: z.string().nullable().exactOptional(),
    working_directory: z.string().nullable().exactOptional(),
  }),
});

export const LocalShellCallOutput = z.strictObject({
  type: z.literal('local_shell_call_output'),
  id: z.string(),
  output: z.string(),
  status: Status.nullable().exactOptional(),
});

export const ShellCall = z.strictObject({
  type: z.literal('shell_call'),
  id: z.string().nullable().exactOptional(),
  call_id: CallId,
  action: z.strictObject({
    commands: z.array(z.string()),
    max_output_length: z.number().nullable().exactOptional(),
    timeout_ms: z.number().nullable().exactOptional(),
  }),
  caller: Caller.exactOptional(),
  environment: z.union([localEnvironment(), containerReference()]).nullable().exactOptional(),
  status: Status.nullable().exactOptional(),
});

export const ShellCallOutput = z.strictObject({
  type: z.literal('shell_call_output'),
  id: z.string().nullable().exactOptional(),
  call_id: CallId,
  output: z.array(
    z.strictObject({
      outcome: z.union([
        z.strictObject({ type: z.literal('timeout') }),
        z.strictObject({ type: z.literal('exit'), exit_code: z.number() }),
      ]),
      stdout: z.string(),
      stderr: z.string(),
    }),
  ),
  caller: Caller.exactOptional(),
  max_output_length: z.number().nullable().exactOptional(),
  status: Status.nullable().exactOptional(),
});

export const ApplyPatchCall = z.strictObject({
  type: z.literal('apply_patch_call'),
  id: z.string().nullable().exactOptional(),
  call_id: CallId,
  operation: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('create_file'), path: z.string(), diff: z.string() }),
    z.strictObject({ type: z.literal('update_file'), path: z.string(), diff: z.string() }),
    z.strictObject({ type: z.literal('delete_file'), path: z.string() }),
  ]),
  caller: Caller.exactOptional(),
  status: z.enum(['in_progress', 'completed']),
});

export const ApplyPatchCallOutput = z.strictObject({
  type: z.literal('apply_patch_call_output'),
  id: z.string().nullable().exactOptional(),
  call_id: CallId,
  status: z.enum(['completed', 'failed']),
  output: z.string().nullable().exactOptional(),
  caller: Caller.exactOptional(),
});

/** By `type`, but for messages, of which the schema has three kinds. */
export const ITEMS = {
  reasoning: Reasoning,
  function_call: FunctionCall,
  function_call_output: FunctionCallOutput,
  custom_tool_call: CustomToolCall,
  custom_tool_call_output: CustomToolCallOutput,
  local_shell_call: LocalShellCall,
  local_shell_call_output: LocalShellCallOutput,
  shell_call: ShellCall,
  shell_call_output: ShellCallOutput,
  apply_patch_call: ApplyPatchCall,
  apply_patch_call_output: ApplyPatchCallOutput,
} as const;

export const FunctionTool = z.strictObject({
  type: z.literal('function'),
  name: ToolName,
  description: z.string().nullable().exactOptional(),
  parameters: z.record(z.string(), z.unknown()).nullable(),
  strict: z.boolean().nullable(),
  allowed_callers: Callers.exactOptional(),
  async: z.boolean().exactOptional(),
  defer_loading: z.boolean().exactOptional(),
  output_schema: z.record(z.string(), z.unknown()).nullable().exactOptional(),
});

export const CustomTool = z.strictObject({
  type: z.literal('custom'),
  name: ToolName,
  description: z.string().exactOptional(),
  format: z
    .union([
      z.strictObject({ type: z.literal('text') }),
      z.strictObject({
        type: z.literal('grammar'),
        syntax: z.enum(['lark', 'regex']),
        definition: z.string(),
      }),
    ])
    .exactOptional(),
  allowed_callers: Callers.exactOptional(),
  async: z.boolean().exactOptional(),
  defer_loading: z.boolean().exactOptional(),
});

export const LocalShellTool = z.strictObject({ type: z.literal('local_shell') });

function localEnvironment() {
  return z.strictObject({
    type: z.literal('local'),
    skills: z
      .array(z.strictObject({ name: z.string(), description: z.string(), path: z.string() }))
      .exactOptional(),
  });
}

function containerReference() {
  return z.strictObject({ type: z.literal('container_reference'), container_id: z.string() });
}

const ContainerAuto = z.strictObject({
  type: z.literal('container_auto'),
  file_ids: z.array(z.string()).exactOptional(),
  memory_limit: z.enum(['1g', '4g', '16g', '64g']).nullable().exactOptional(),
  network_policy: z
    .union([
      z.strictObject({ type: z.literal('disabled') }),
      z.strictObject({
        type: z.literal('allowlist'),
        allowed_domains: z.array(z.string()),
        domain_secrets: z
          .array(z.strictObject({ domain: z.string(), name: z.string(), value: z.string() }))
          .exactOptional(),
      }),
    ])
    .exactOptional(),
  skills: z
    .array(
      z.union([
        z.strictObject({
          type: z.literal('skill_reference'),
          skill_id: z.string(),
          version: z.string().exactOptional(),
        }),
        z.strictObject({
          type: z.literal('inline'),
          name: z.string(),
          description: z.string(),
          source: z.strictObject({
            type: z.literal('base64'),
            media_type: z.literal('application/zip'),
            data: z.string(),
          }),
        }),
      ]),
    )
    .exactOptional(),
});

export const ShellTool = z.strictObject({
  type: z.literal('shell'),
  allowed_callers: Callers.exactOptional(),
  environment: z.union([ContainerAuto, localEnvironment(), containerReference()]).nullable().exactOptional(),
});

export const ApplyPatchTool = z.strictObject({
  type: z.literal('apply_patch'),
  allowed_callers: Callers.exactOptional(),
});

export const WebSearchTool = z.strictObject({
  type: z.enum(['web_search', 'web_search_2025_08_26']),
  external_web_access: z.boolean().exactOptional(),
  filters: z
    .strictObject({ allowed_domains: z.array(z.string()).nullable().exactOptional() })
    .nullable()
    .exactOptional(),
  search_context_size: z.enum(['low', 'medium', 'high']).exactOptional(),
  user_location: z
    .strictObject({
      type: z.literal('approximate').exactOptional(),
      city: z.string().nullable().exactOptional(),
      country: z.string().nullable().exactOptional(),
      region: z.string().nullable().exactOptional(),
      timezone: z.string().nullable().exactOptional(),
    })
    .nullable()
    .exactOptional(),
});

export const NamespaceTool = z.strictObject({
  type: z.literal('namespace'),
  name: z.string(),
  description: z.string(),
  tools: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('function'),
        name: ToolName,
        description: z.string().nullable().exactOptional(),
        parameters: z.unknown().exactOptional(),
        strict: z.boolean().nullable().exactOptional(),
        allowed_callers: Callers.exactOptional(),
        async: z.boolean().exactOptional(),
        defer_loading: z.boolean().exactOptional(),
        output_schema: z.record(z.string(), z.unknown()).nullable().exactOptional(),
      }),
      CustomTool,
    ]),
  ),
});

export const Tool = z.discriminatedUnion('type', [
  FunctionTool,
  CustomTool,
  LocalShellTool,
  ShellTool,
  ApplyPatchTool,
  WebSearchTool,
  NamespaceTool,
]);

const Mode = z.strictObject({ mode: z.enum(['score', 'block']) });

/** All fields but `input` and `tools`. */
export const CREATE_FIELDS = {
  access_programs: z
    .strictObject({ cyber: z.enum(['standard', 'daybreak_blue', 'daybreak_red']).exactOptional() })
    .exactOptional(),
  background: z.boolean().nullable().exactOptional(),
  context_management: z
    .array(z.strictObject({ type: z.string(), compact_threshold: z.number().nullable().exactOptional() }))
    .nullable()
    .exactOptional(),
  conversation: z
    .union([z.string(), z.strictObject({ id: z.string() })])
    .nullable()
    .exactOptional(),
  image: z
    .strictObject({ context_compression: z.enum(['auto', 'enabled', 'disabled']).exactOptional() })
    .exactOptional(),
  include: z
    .array(
      z.enum([
        'file_search_call.results',
        'web_search_call.results',
        'web_search_call.action.sources',
        'message.input_image.image_url',
        'computer_call_output.output.image_url',
        'code_interpreter_call.outputs',
        'reasoning.encrypted_content',
        'message.output_text.logprobs',
      ]),
    )
    .nullable()
    .exactOptional(),
  instructions: z.string().nullable().exactOptional(),
  max_output_tokens: z.number().nullable().exactOptional(),
  max_tool_calls: z.number().nullable().exactOptional(),
  metadata: z.record(z.string(), z.string()).nullable().exactOptional(),
  model: z.string().min(1).exactOptional(),
  moderation: z
    .strictObject({
      model: z.string(),
      policy: z
        .strictObject({
          input: Mode.nullable().exactOptional(),
          output: Mode.nullable().exactOptional(),
        })
        .nullable()
        .exactOptional(),
    })
    .nullable()
    .exactOptional(),
  parallel_tool_calls: z.boolean().nullable().exactOptional(),
  previous_response_id: z.string().nullable().exactOptional(),
  prompt: z
    .strictObject({
      id: z.string(),
      variables: z
        .record(z.string(), z.union([z.string(), InputText, InputImage, InputFile]))
        .nullable()
        .exactOptional(),
      version: z.string().nullable().exactOptional(),
    })
    .nullable()
    .exactOptional(),
  prompt_cache_key: z.string().nullable().exactOptional(),
  prompt_cache_options: z
    .strictObject({
      comparison_response_id: z.string().nullable().exactOptional(),
      mode: z.enum(['implicit', 'explicit']).exactOptional(),
      prewarm: z.boolean().exactOptional(),
      ttl: z.enum(['30m', '12h']).exactOptional(),
    })
    .exactOptional(),
  prompt_cache_retention: z.enum(['in_memory', '24h']).nullable().exactOptional(),
  reasoning: z
    .strictObject({
      context: z.enum(['auto', 'current_turn', 'all_turns']).nullable().exactOptional(),
      effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']).nullable().exactOptional(),
      generate_summary: z.enum(['auto', 'concise', 'detailed']).nullable().exactOptional(),
      mode: z.string().exactOptional(),
      summary: z.enum(['auto', 'concise', 'detailed']).nullable().exactOptional(),
    })
    .nullable()
    .exactOptional(),
  safety_identifier: z.string().nullable().exactOptional(),
  service_tier: z
    .enum(['auto', 'default', 'flex', 'scale', 'priority', 'fast', 'ultrafast'])
    .nullable()
    .exactOptional(),
  store: z.boolean().nullable().exactOptional(),
  stream: z.literal(true),
  stream_options: z
    .strictObject({ include_obfuscation: z.boolean().exactOptional() })
    .nullable()
    .exactOptional(),
  temperature: z.number().nullable().exactOptional(),
  text: z
    .strictObject({
      format: z
        .union([
          z.strictObject({ type: z.literal('text') }),
          z.strictObject({ type: z.literal('json_object') }),
          z.strictObject({
            type: z.literal('json_schema'),
            name: z.string(),
            schema: z.record(z.string(), z.unknown()),
            description: z.string().exactOptional(),
            strict: z.boolean().nullable().exactOptional(),
          }),
        ])
        .exactOptional(),
      verbosity: z.enum(['low', 'medium', 'high']).nullable().exactOptional(),
    })
    .exactOptional(),
  tool_choice: z
    .union([
      z.enum(['none', 'auto', 'required']),
      z.strictObject({
        type: z.literal('allowed_tools'),
        mode: z.enum(['auto', 'required']),
        tools: z.array(z.record(z.string(), z.unknown())),
      }),
      z.strictObject({
        type: z.enum([
          'file_search',
          'web_search_preview',
          'computer',
          'computer_use_preview',
          'computer_use',
          'web_search_preview_2025_03_11',
          'image_generation',
          'code_interpreter',
          'mcp',
        ]),
      }),
      z.strictObject({ type: z.literal('function'), name: z.string() }),
      z.strictObject({
        type: z.literal('mcp'),
        server_label: z.string(),
        name: z.string().nullable().exactOptional(),
      }),
      z.strictObject({ type: z.literal('custom'), name: z.string() }),
      z.strictObject({ type: z.literal('programmatic_tool_calling') }),
      z.strictObject({ type: z.literal('apply_patch') }),
      z.strictObject({ type: z.literal('shell') }),
    ])
    .exactOptional(),
  top_logprobs: z.number().nullable().exactOptional(),
  top_p: z.number().nullable().exactOptional(),
  truncation: z.enum(['auto', 'disabled']).nullable().exactOptional(),
  user: z.string().exactOptional(),
} as const;
