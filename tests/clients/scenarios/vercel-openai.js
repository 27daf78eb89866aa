import { createOpenAI } from '@ai-sdk/openai';
import { scenarioOf } from './vercel-ai.js';

/** On Responses, which is what the provider takes by itself. @type {import('./common.js').OpenScenario} */
export const open = (address, model) => scenarioOf(createOpenAI({ baseURL: `${address}/v1`, apiKey: 'none' })(model));
