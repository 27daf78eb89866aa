/**
 * `x-semantic-tool-choice: any` or a tool's name, for clients that take headers but no tool choice: what their user asks is answered with
 * a call. The answer to what a tool said is the model's own again, and a request that does not offer the tool is left as it is.
 */
import type { FastifyRequest } from 'fastify';
import type { Prompt } from '../../core/answers/answerer.js';

export function withChosenTool<P extends Prompt>(prompt: P, headers: FastifyRequest['headers']): P {
  const wanted = headers['x-semantic-tool-choice'];
  if (typeof wanted !== 'string' || prompt.toolChoice.type !== 'auto' || !isAsked(prompt)) return prompt;
  if (wanted === 'any' && prompt.tools.length > 0) return { ...prompt, toolChoice: { type: 'any' } };
  if (!prompt.tools.some(({ name }) => name === wanted)) return prompt;
  return { ...prompt, toolChoice: { type: 'tool', name: wanted }, parallelCalls: false };
}

/** Whether what came since the last answer is the user's alone: some clients put reminders of their own behind what a tool said. */
function isAsked({ conversation }: Prompt): boolean {
  const since = conversation.slice(conversation.findLastIndex(({ role }) => role === 'assistant') + 1);
  return since.some(({ role }) => role === 'user') && !since.some(({ role }) => role === 'tool');
}
