/** Vercel's `ai`, whatever the provider. */
import { generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { LONG_PROMPT, STORY, WEATHER, weather } from './common.js';

/** @param {import('ai').LanguageModel} model @returns {import('./common.js').Scenario} */
export function scenarioOf(model) {
  const base = { model, maxOutputTokens: 24, temperature: 0, maxRetries: 0 };
  return {
    async text(prompt) {
      return (await generateText({ ...base, prompt })).text;
    },
    async converse(prompts) {
      /** @type {import('ai').ModelMessage[]} */
      const messages = [];
      const texts = [];
      for (const content of prompts) {
        messages.push({ role: 'user', content });
        const { text, response } = streamText({ ...base, messages });
        texts.push(await text);
        messages.push(...(await response).messages);
      }
      return texts;
    },
    async tool(prompt) {
      let [called, result] = ['', ''];
      const { text } = await generateText({
        ...base,
        maxOutputTokens: 200,
        prompt,
        tools: {
          weather: tool({
            description: WEATHER.description,
            inputSchema: z.object({ city: z.string().max(40) }),
            execute: (input) => {
              called = 'weather';
              return (result = weather(input));
            },
          }),
        },
        toolChoice: 'required',
        prepareStep: ({ stepNumber }) => (stepNumber === 0 ? {} : { toolChoice: 'none' }),
        stopWhen: stepCountIs(2),
      });
      return { called, result, answer: text };
    },
    async abort() {
      const gone = new AbortController();
      const { textStream } = streamText({ ...base, maxOutputTokens: 4000, prompt: STORY, abortSignal: gone.signal });
      for await (const text of textStream) if (text !== '') break;
      gone.abort();
    },
    async error() {
      await generateText({ ...base, prompt: LONG_PROMPT });
    },
  };
}
