/** How thinking is given (`thinking.display`): as it is, signed; or left out, all of it sealed in the signature, so that it comes back. */
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';

export interface ThinkingDisplay {
  /** Null = nothing of it is shown. */
  shown(thinking: string): string | null;
  signature(thinking: string): string;
}

export function thinkingDisplay(seal: ThinkingSeal, display: 'summarized' | 'omitted' | null | undefined): ThinkingDisplay {
  if (display === 'omitted') return { shown: () => null, signature: seal.encrypt };
  return { shown: (thinking) => thinking, signature: seal.sign };
}

/** What a model thought, of a block that comes back; null for what another one thought, or a client made up. */
export function thinkingOf(
  { thinking, signature }: { readonly thinking: string; readonly signature: string },
  seal: ThinkingSeal,
): string | null {
  if (thinking === '') return seal.decrypt(signature);
  return seal.isOurs(thinking, signature) ? thinking : null;
}
