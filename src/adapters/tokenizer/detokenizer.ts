import type { Detokenizer } from '../../core/ports.js';
import type { DecoderStage, EmitText } from './decoder.js';

/** Runs ids through the decoder's stages one at a time. */
export class StageDetokenizer implements Detokenizer {
  #text = '';
  readonly #entries: readonly EmitText[]; // [stages + 1], the last one collects the text

  constructor(
    private readonly stages: readonly DecoderStage[],
    /** null = the id gives no text. */
    private readonly tokenOf: (id: number) => string | null,
  ) {
    const entries: EmitText[] = [(text) => void (this.#text += text)];
    for (const stage of [...stages].reverse()) {
      const next = entries[0]!;
      entries.unshift((token) => stage.push(token, next));
    }
    this.#entries = entries;
  }

  push(id: number): string {
    const token = this.tokenOf(id);
    if (token !== null) this.#entries[0]!(token);
    return this.#take();
  }

  flush(): string {
    for (const [i, stage] of this.stages.entries()) stage.flush(this.#entries[i + 1]!);
    return this.#take();
  }

  #take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}
