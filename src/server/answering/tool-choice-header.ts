/**
 * `x-semantic-tool-choice: any` or a tool's name, for clients that take headers but no tool choice: what their user asks is answered with
 * a call. The answer to what a tool said is the model's own again, and a request that does not offer the tool is left as it is. With
 * `; once` so is a conversation that has called it, and that of a sub-agent: clients send their headers with those, too.
 */
import type { FastifyRequest } from 'fastify';
import type { Prompt } from '../../core/answers/answerer.js';
import { agentHint } from '../identity/agent-hint.js';

export function withChosenTool<P extends Prompt>(prompt: P, headers: FastifyRequest['headers']): P {
  const header = headers['x-semantic-tool-choice'];
  if (typeof header !== 'string' || prompt.toolChoice.type !== 'auto' || !isAsked(prompt)) return prompt;
  const [wanted, ...how] = header.split(';').map((part) => part.trim());
  if (how.includes('once') && (hasCalled(prompt, wanted!) || isSubAgent(headers))) return prompt;
  if (wanted === 'any' && prompt.tools.length > 0) return { ...prompt, toolChoice: { type: 'any' } };
  if (!prompt.tools.some(({ name }) => name === wanted)) return prompt;
  return { ...prompt, toolChoice: { type: 'tool', name: wanted! }, parallelCalls: false };
}

/** Whether what came since the last answer is the user's alone: some clients put reminders of their own behind what a tool said. */
function isAsked({ conversation }: Prompt): boolean {
  const since = conversation.slice(conversation.findLastIndex(({ role }) => role === 'assistant') + 1);
  return since.some(({ role }) => role === 'user') && !since.some(({ role }) => role === 'tool');
}

function hasCalled({ conversation }: Prompt, wanted: string): boolean {
  return conversation.some(
    (message) => message.role === 'assistant' && message.calls.some(({ name }) => wanted === 'any' || name === wanted),
  );
}

function isSubAgent(headers: FastifyRequest['headers']): boolean {
  return (agentHint(headers, {}, '').agent?.ancestors.length ?? 0) > 0;
}
