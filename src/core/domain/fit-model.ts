/** Whether a model fits beside what is in memory already, told before anything of it is loaded. */
import { SemanticError } from './errors.js';
import type { ModelCacheSpec } from './model-cache-spec.js';

export interface ModelNeed {
  readonly id: string;
  readonly weightBytes: number;
  /** Elements of its matrices; for what it would take in fewer bits. */
  readonly parameters: number;
  readonly cache: ModelCacheSpec;
}

export interface MemoryOffer {
  /** For weights, KV and scratch of all models. */
  readonly budgetBytes: number;
  /** What the models that are to stay in memory hold: their weights, the KV they are promised, their scratch. */
  readonly heldBytes: number;
  /** For activations and tables of each model. */
  readonly scratchBytes: number;
}

export interface MemoryFit {
  /** Weights, the shortest sequence and scratch. */
  readonly neededBytes: number;
  readonly leastKvBytes: number;
  /** What KV may take beside weights and scratch. */
  readonly kvBytes: number;
}

/** Throws OutOfMemory with the figures, and with what would fit. */
export function fitModel(need: ModelNeed, offer: MemoryOffer): MemoryFit {
  const leastKvBytes = need.cache.bytesOf(need.cache.blocksFor(1));
  const neededBytes = need.weightBytes + leastKvBytes + offer.scratchBytes;
  const freeBytes = offer.budgetBytes - offer.heldBytes;
  if (neededBytes <= freeBytes) return { neededBytes, leastKvBytes, kvBytes: freeBytes - need.weightBytes - offer.scratchBytes };
  const parts = `${mb(need.weightBytes)} of weights, ${mb(leastKvBytes)} of KV for the shortest sequence and ${mb(offer.scratchBytes)} of scratch`;
  const held = offer.heldBytes > 0 ? `, of which other models hold ${mb(offer.heldBytes)}` : '';
  const text = `${need.id} needs ${mb(neededBytes)} (${parts}), the budget is ${mb(offer.budgetBytes)}${held}`;
  throw new SemanticError('OutOfMemory', `[memory] ${text}`, {
    param: 'model',
    hint: whatWouldFit(need, offer, neededBytes, leastKvBytes),
  });
}

/** Bits of a weight with its share of a scale and a bias of 16 bits each, in groups of 64. */
const PACKED_BITS = [
  { bits: 8, perWeight: 8.5 },
  { bits: 4, perWeight: 4.5 },
] as const;

function whatWouldFit({ id, weightBytes, parameters }: ModelNeed, offer: MemoryOffer, neededBytes: number, leastKvBytes: number): string {
  const free = offer.budgetBytes - offer.heldBytes;
  const advice: string[] = [];
  if (offer.heldBytes > 0 && neededBytes <= offer.budgetBytes) advice.push('It fits when the other models leave memory.');
  const packed = PACKED_BITS.map(({ bits, perWeight }) => ({ bits, bytes: Math.ceil((parameters * perWeight) / 8) }));
  const smaller = packed.find(({ bytes }) => bytes < weightBytes && bytes + leastKvBytes + offer.scratchBytes <= free);
  if (smaller !== undefined) {
    const { bits, bytes } = smaller;
    advice.push(
      `In ${bits} bits its weights take ${mb(bytes)}, which fits: semantic models convert ${id} --quantize ${bits} --name ${id}-${bits}bit`,
    );
  }
  const room = free - leastKvBytes - offer.scratchBytes;
  if (advice.length === 0) advice.push(room > 0 ? `Weights of up to ${mb(room)} fit.` : 'No weights fit into what is left.');
  return `${advice.join(' ')} A budget of ${mb(offer.heldBytes + neededBytes)} holds it: engine.memory_budget_bytes.`;
}

function mb(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
