/** The settings of Llama 3's rotary scaling, found again from the factors that a GGUF file has of them. */
export interface Llama3Scaling {
  readonly rope_type: 'llama3';
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/** As all Llama 3 models have them. */
const [LOW, HIGH] = [1, 4];
const CLOSE = 1e-5; // factors are f32

/** Null where no original length, a power of two, gives these factors. `base`: rope_theta. */
export function llama3Scaling(factors: readonly number[], base: number): Llama3Scaling | null {
  const factor = Math.max(...factors);
  for (let length = 32; length <= 2 ** 20; length *= 2) {
    if (factors.every((wanted, i) => Math.abs(factorOf(base ** (-i / factors.length), factor, length) / wanted - 1) < CLOSE)) {
      return { rope_type: 'llama3', factor, low_freq_factor: LOW, high_freq_factor: HIGH, original_max_position_embeddings: length };
    }
  }
  return null;
}

/** Long waves are stretched by the whole factor, short ones not at all, those between in between. */
function factorOf(frequency: number, factor: number, length: number): number {
  const turns = (length * frequency) / (2 * Math.PI); // of the wave within the original length
  if (turns > HIGH) return 1;
  if (turns < LOW) return factor;
  const smooth = (turns - LOW) / (HIGH - LOW);
  return 1 / ((1 - smooth) / factor + smooth);
}
