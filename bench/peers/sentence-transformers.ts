import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const script = fileURLToPath(new URL('../../../peers/sentence_bench.py', import.meta.url)); // from bench/dist/bench/peers

/** Sentences per second of each round. `python`: one with sentence-transformers and torch. */
export async function sentenceTransformers(
  python: string,
  folder: string,
  { batch, threads, sentences, rounds }: { batch: number; threads: number; sentences: readonly string[]; rounds: number },
): Promise<number[]> {
  const { stdout } = await execa(python, [script, folder, `${batch}`, `${threads}`], { input: JSON.stringify({ sentences, rounds }) });
  return stdout.trim().split('\n').map(Number);
}
