/** `@anthropic-ai/sdk` on the Messages API. */
import Anthropic from '@anthropic-ai/sdk';
import { LONG_PROMPT, STORY, WEATHER, weather } from './common.js';

/** @type {import('./common.js').OpenScenario} */
export const open = (address, model) => {
  const client = new Anthropic({ baseURL: address, apiKey: 'none', maxRetries: 0 });
  const base = { model, max_tokens: 24, temperature: 0 };
  const ask = (/** @type {string} */ content) => [{ role: /** @type {const} */ ('user'), content }];
  const textOf = (/** @type {Anthropic.Message} */ { content }) =>
    content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  return {
    async text(prompt) {
      return textOf(await client.messages.create({ ...base, messages: ask(prompt) }));
    },
    async converse(prompts) {
      /** @type {Anthropic.MessageParam[]} */
      const messages = [];
      const texts = [];
      for (const prompt of prompts) {
        messages.push(...ask(prompt));
        const answer = await client.messages.stream({ ...base, messages }).finalMessage();
        messages.push({ role: 'assistant', content: answer.content });
        texts.push(textOf(answer));
      }
      return texts;
    },
    async tool(prompt) {
      const tools = [{ name: 'weather', description: WEATHER.description, input_schema: WEATHER.schema }];
      const messages = /** @type {Anthropic.MessageParam[]} */ (ask(prompt));
      const called = await client.messages
        .stream({ ...base, max_tokens: 200, messages, tools, tool_choice: { type: 'any', disable_parallel_tool_use: true } })
        .finalMessage();
      const use = called.content.find((block) => block.type === 'tool_use');
      if (use === undefined) throw new Error(`no call in ${JSON.stringify(called)}`);
      const result = weather(use.input);
      messages.push({ role: 'assistant', content: called.content });
      messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: result }] });
      return { called: use.name, result, answer: textOf(await client.messages.create({ ...base, messages, tools })) };
    },
    async abort() {
      const stream = client.messages.stream({ ...base, max_tokens: 4000, messages: ask(STORY) });
      for await (const event of stream) if (event.type === 'content_block_delta') break;
    },
    async error() {
      await client.messages.create({ ...base, messages: ask(LONG_PROMPT) });
    },
  };
};
