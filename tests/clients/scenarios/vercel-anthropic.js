import { createAnthropic } from '@ai-sdk/anthropic';
import { scenarioOf } from './vercel-ai.js';

/** @type {import('./common.js').OpenScenario} */
export const open = (address, model) => scenarioOf(createAnthropic({ baseURL: `${address}/v1`, apiKey: 'none' })(model));
