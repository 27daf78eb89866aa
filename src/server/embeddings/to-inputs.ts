/** The inputs of a request as the ids that a model reads. What does not fit is said before anything is computed. */
import { SemanticError } from '../../core/domain/errors.js';
import type { EmbeddingModel } from '../../core/embedding/embedding-model.js';
import { cutFramed, frameOf, type TokenFrame } from '../../core/embedding/token-frame.js';
import { invalidField } from '../request-body.js';
import type { EmbeddingsBody } from './schema.js';

type Input = string | readonly number[];

export async function toInputs({ input, truncate }: EmbeddingsBody, model: EmbeddingModel): Promise<Int32Array[]> {
  const isOne = typeof input === 'string' || typeof input[0] === 'number';
  const inputs = (isOne ? [input] : input) as readonly Input[];
  const frame = frameOf(model.tokenizer);
  const read: Int32Array[] = [];
  for (const [i, each] of inputs.entries()) read.push(await toIds(each, isOne ? 'input' : `input[${i}]`, model, frame, truncate === true));
  return read;
}

async function toIds(input: Input, param: string, model: EmbeddingModel, frame: TokenFrame, truncate: boolean): Promise<Int32Array> {
  const { id, maxTokens, tokenizer, vocabSize } = model;
  const ids =
    typeof input === 'string' ? await tokenizer.encodeInSlices(input, { addSpecialTokens: true }) : known(input, param, vocabSize);
  if (ids.length <= maxTokens) return ids;
  if (truncate) return typeof input === 'string' ? cutFramed(ids, frame, maxTokens) : ids.slice(0, maxTokens);
  throw new SemanticError(
    'PromptTooLong',
    `[embeddings] ${param} has ${ids.length} tokens, ${id} reads at most ${maxTokens}: shorten it, or send "truncate": true to have it cut`,
    { param },
  );
}

function known(ids: readonly number[], param: string, vocabSize: number): Int32Array {
  const alien = ids.findIndex((id) => id >= vocabSize);
  if (alien < 0) return Int32Array.from(ids);
  throw invalidField(`${param}[${alien}]`, `wanted a token id of the model, below ${vocabSize}, got ${ids[alien]!}`);
}
