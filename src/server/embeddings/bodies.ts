/** The JSON of embeddings, as clients of the OpenAI API expect it. */
import type { EmbeddingsBody } from './schema.js';

export function embeddingsBody(
  model: string,
  vectors: readonly Float32Array[],
  tokens: number,
  format: EmbeddingsBody['encoding_format'],
): object {
  const spell = format === 'base64' ? toBase64 : (vector: Float32Array): number[] => [...vector];
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: spell(vector) })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** Of its f32 values, little endian. */
function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [i, x] of vector.entries()) bytes.writeFloatLE(x, i * 4);
  return bytes.toString('base64');
}
