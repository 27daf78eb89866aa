/** `openai` on Responses: the conversation goes on from the stored response before. */
import OpenAI from 'openai';
import { LONG_PROMPT, STORY, WEATHER, weather } from './common.js';

/** @type {import('./common.js').OpenScenario} */
export const open = (address, model) => {
  const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: 'none', maxRetries: 0 });
  const base = { model, max_output_tokens: 24, temperature: 0 };
  return {
    async text(prompt) {
      return (await client.responses.create({ ...base, input: prompt })).output_text;
    },
    async converse(prompts) {
      const texts = [];
      /** @type {string | null} */
      let last = null;
      for (const input of prompts) {
        const response = await client.responses.stream({ ...base, input, previous_response_id: last }).finalResponse();
        last = response.id;
        texts.push(response.output_text);
      }
      return texts;
    },
    async tool(prompt) {
      const tools = [
        {
          type: /** @type {const} */ ('function'),
          name: 'weather',
          description: WEATHER.description,
          parameters: WEATHER.schema,
          strict: true,
        },
      ];
      const forced = {
        ...base,
        max_output_tokens: 200,
        input: prompt,
        tools,
        tool_choice: /** @type {const} */ ('required'),
        parallel_tool_calls: false,
      };
      const called = await client.responses.stream(forced).finalResponse();
      const call = called.output.find((item) => item.type === 'function_call');
      if (call === undefined) throw new Error(`no call in ${JSON.stringify(called.output)}`);
      const result = weather(JSON.parse(call.arguments));
      const input = [{ type: /** @type {const} */ ('function_call_output'), call_id: call.call_id, output: result }];
      const answer = await client.responses.create({ ...base, input, tools, previous_response_id: called.id });
      return { called: call.name, result, answer: answer.output_text };
    },
    async abort() {
      const stream = await client.responses.create({ ...base, max_output_tokens: 4000, input: STORY, stream: true });
      for await (const event of stream) if (event.type === 'response.output_text.delta') break;
    },
    async error() {
      await client.responses.create({ ...base, input: LONG_PROMPT });
    },
  };
};
