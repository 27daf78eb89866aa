/** Messages of a chat completion as clients write them. Keys of other vendors pass unread. */
import { z } from 'zod';

const text = z.looseObject({ type: z.literal('text'), text: z.string() });
const refusal = z.looseObject({ type: z.literal('refusal'), refusal: z.string() });
const texts = z.union([z.string(), z.array(text)], { error: 'wanted a string, or an array of {type: "text", text} parts' });
const anything = z.union([z.string(), z.array(z.looseObject({ type: z.string() }))], {
  error: 'wanted a string, or an array of {type: "text", text} parts',
});

const functionCall = z.looseObject({ name: z.string().min(1), arguments: z.string() });
const toolCall = z.looseObject({
  id: z.string().min(1),
  type: z.literal('function', { error: 'wanted "function": custom tools are not understood here' }).nullish(),
  function: functionCall,
});

const instructions = { content: texts.nullish(), name: z.string().nullish() };

export const messageSchema = z.discriminatedUnion(
  'role',
  [
    z.looseObject({ role: z.literal('system'), ...instructions }),
    z.looseObject({ role: z.literal('developer'), ...instructions }),
    z.looseObject({ role: z.literal('user'), content: anything.nullish(), name: z.string().nullish() }),
    z.looseObject({
      role: z.literal('assistant'),
      content: z
        .union([z.string(), z.array(z.discriminatedUnion('type', [text, refusal]))], {
          error: 'wanted a string, or an array of text parts',
        })
        .nullish(),
      refusal: z.string().nullish(),
      tool_calls: z.array(toolCall).nullish(),
      function_call: functionCall.nullish(),
      reasoning_content: z.string().nullish(),
      reasoning: z.string().nullish(),
      thinking: z.string().nullish(),
    }),
    z.looseObject({ role: z.literal('tool'), tool_call_id: z.string().min(1), content: texts.nullish() }),
    z.looseObject({ role: z.literal('function'), name: z.string().min(1), content: z.string().nullish() }),
  ],
  { error: 'wanted a message with the role "system", "developer", "user", "assistant", "tool" or "function"' },
);
export type ChatMessageBody = z.output<typeof messageSchema>;
