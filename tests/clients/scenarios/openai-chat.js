/** `openai` on Chat Completions. */
import OpenAI from 'openai';
import { LONG_PROMPT, STORY, WEATHER, weather } from './common.js';

/** @type {import('./common.js').OpenScenario} */
export const open = (address, model) => {
  const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: 'none', maxRetries: 0 });
  const base = { model, max_tokens: 24, temperature: 0 };
  const ask = (/** @type {string} */ content) => [{ role: /** @type {const} */ ('user'), content }];
  return {
    async text(prompt) {
      return (await client.chat.completions.create({ ...base, messages: ask(prompt) })).choices[0]?.message.content ?? '';
    },
    async converse(prompts) {
      /** @type {OpenAI.ChatCompletionMessageParam[]} */
      const messages = [];
      const texts = [];
      for (const prompt of prompts) {
        messages.push(...ask(prompt));
        const message = await client.chat.completions.stream({ ...base, messages }).finalMessage();
        messages.push(message);
        texts.push(message.content ?? '');
      }
      return texts;
    },
    async tool(prompt) {
      const tools = [
        {
          type: /** @type {const} */ ('function'),
          function: { name: 'weather', description: WEATHER.description, parameters: WEATHER.schema },
        },
      ];
      const messages = /** @type {OpenAI.ChatCompletionMessageParam[]} */ (ask(prompt));
      const forced = {
        ...base,
        max_tokens: 200,
        messages,
        tools,
        tool_choice: /** @type {const} */ ('required'),
        parallel_tool_calls: false,
      };
      const called = await client.chat.completions.stream(forced).finalMessage();
      const call = called.tool_calls?.[0];
      if (call?.type !== 'function') throw new Error(`no call in ${JSON.stringify(called)}`);
      const result = weather(JSON.parse(call.function.arguments));
      messages.push(called, { role: 'tool', tool_call_id: call.id, content: result });
      const answer = await client.chat.completions.create({ ...base, messages, tools });
      return { called: call.function.name, result, answer: answer.choices[0]?.message.content ?? '' };
    },
    async abort() {
      const stream = await client.chat.completions.create({ ...base, max_tokens: 4000, messages: ask(STORY), stream: true });
      for await (const chunk of stream) if ((chunk.choices[0]?.delta.content ?? '') !== '') break;
    },
    async error() {
      await client.chat.completions.create({ ...base, messages: ask(LONG_PROMPT) });
    },
  };
};
