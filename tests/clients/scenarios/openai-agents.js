/** `@openai/agents` on Responses. */
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from '@openai/agents';
import { z } from 'zod';
import { LONG_PROMPT, STORY, WEATHER, weather } from './common.js';

setTracingDisabled(true);

/** @type {import('./common.js').OpenScenario} */
export const open = (address, model) => {
  const runner = new Runner({ modelProvider: new OpenAIProvider({ apiKey: 'none', baseURL: `${address}/v1` }), tracingDisabled: true });
  const settings = { maxTokens: 300, temperature: 0 };
  const agent = new Agent({ name: 'Helper', model, modelSettings: settings });
  return {
    async text(prompt) {
      return String((await runner.run(agent, prompt)).finalOutput);
    },
    async converse(prompts) {
      const texts = [];
      /** @type {import('@openai/agents').AgentInputItem[]} */
      let history = [];
      for (const content of prompts) {
        const turn = await runner.run(agent, [...history, { role: 'user', content }], { stream: true });
        await turn.completed;
        history = turn.history;
        texts.push(String(turn.finalOutput));
      }
      return texts;
    },
    async tool(prompt) {
      let [called, result] = ['', ''];
      const forecaster = new Agent({
        name: 'Forecaster',
        instructions: 'You tell the weather.',
        model,
        modelSettings: { ...settings, maxTokens: 200, toolChoice: 'required', parallelToolCalls: false },
        tools: [
          tool({
            name: 'weather',
            description: WEATHER.description,
            parameters: z.object({ city: z.string().max(40) }),
            execute: (input) => {
              called = 'weather';
              return (result = weather(input));
            },
          }),
        ],
      });
      const { finalOutput } = await runner.run(forecaster, prompt);
      return { called, result, answer: String(finalOutput) };
    },
    async abort() {
      const gone = new AbortController();
      const writer = new Agent({ name: 'Writer', model, modelSettings: { maxTokens: 4000 } });
      const turn = await runner.run(writer, STORY, { stream: true, signal: gone.signal });
      for await (const event of turn) if (event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta') break;
      gone.abort();
    },
    async error() {
      await runner.run(agent, LONG_PROMPT);
    },
  };
};
