import type { AddedToken } from './added-tokens.js';

/** Special tokens that end a turn in the families served; GGUF files often name just one of a model's several. */
const TURN_ENDS = new Set([
  '<|eot_id|>', // Llama 3
  '<|eom_id|>',
  '<|end_of_text|>',
  '<|im_end|>', // ChatML: Qwen, SmolLM
  '<|endoftext|>',
  '<end_of_turn>', // Gemma
  '<|return|>', // GPT-OSS
  '<|call|>',
]);

/** What the files declare, then the turn ends known by name. */
export function listStopTokens(declared: readonly number[], added: readonly AddedToken[]): number[] {
  const known = added.filter((token) => token.special && TURN_ENDS.has(token.content)).map((token) => token.id);
  return [...new Set([...declared, ...known])];
}
