/** What every scenario asks for, and the shape of one. */

/**
 * @typedef {object} Scenario
 * @property {(prompt: string) => Promise<string>} text One answer, as one body.
 * @property {(prompts: readonly string[]) => Promise<string[]>} converse The prompts one after another in one conversation, streamed.
 * @property {(prompt: string) => Promise<{ called: string, result: string, answer: string }>} tool A call that `tool_choice` asks for, run here, answered.
 * @property {() => Promise<void>} abort Leaves a stream after its first piece.
 * @property {() => Promise<void>} error Sends what is refused, and throws what the client makes of it.
 */
/** @typedef {(address: string, model: string) => Scenario} OpenScenario */

export const WEATHER = {
  description: 'Tells the weather in a city.',
  schema: {
    type: /** @type {const} */ ('object'),
    properties: { city: { type: 'string', maxLength: 40 } },
    required: ['city'],
    additionalProperties: false,
  },
};

/** @param {unknown} input */
export function weather(input) {
  const { city } = /** @type {{ city: string }} */ (input);
  if (typeof city !== 'string') throw new Error(`wanted a city, got ${JSON.stringify(input)}`);
  return `18 degrees and sunny in ${city}.`;
}

/** More than the context of the model holds. */
export const LONG_PROMPT = 'All work and no play makes Jack a dull boy. '.repeat(1_000);

export const STORY = 'Tell a very long story.';
