/** Messages, or a prompt as it is -> token ids: rendered by the model's template, encoded, and tied to what was really emitted where the text is the same. */
import { SemanticError } from '../domain/errors.js';
import { inSlices, nextTurn } from '../domain/in-slices.js';
import type { GenerationRequest } from '../domain/request.js';
import type { ChatTemplate, Tokenizer } from '../ports.js';
import { continueLast } from './continue-last.js';
import { splicePrompt } from './splice-prompt.js';

export interface PromptEncoderOptions {
  readonly template: ChatTemplate;
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  /** Tokens of a sequence whose text the prompt may go on from; null = there is none. */
  readonly earlierTokens: (ids: Int32Array, request: GenerationRequest) => Int32Array | null;
}

export interface EncodedPrompt {
  readonly ids: Int32Array;
  /** The last characters of its text. */
  readonly end: string;
}

/** What a prompt is made of. */
export type PromptSource = Pick<GenerationRequest, 'messages' | 'prompt' | 'tools' | 'continuesLast' | 'templateVariables'>;

export class PromptEncoder {
  constructor(private readonly options: PromptEncoderOptions) {}

  async encode(request: GenerationRequest): Promise<EncodedPrompt> {
    const { tokenizer, contextLength, earlierTokens } = this.options;
    const { text, ids } = await this.#rendered(request);
    const param = request.prompt === undefined ? 'messages' : 'prompt';
    // Ids that were given are the prompt: no others of the same text take their place.
    const mayBeSpliced = request.cachePrompt && !(request.prompt instanceof Int32Array);
    const earlier = mayBeSpliced ? earlierTokens(ids, request) : null;
    const prompt = earlier === null ? ids : await inSlices(splicePrompt({ ids, earlier, tokenizer }));
    if (prompt.length > contextLength) {
      throw new SemanticError('PromptTooLong', `prompt is too long: ${prompt.length} tokens > ${contextLength} maximum`, { param });
    }
    if (prompt.length === 0)
      throw new SemanticError('InvalidRequest', `${param}: wanted at least one token, got an empty prompt`, { param });
    return { ids: prompt, end: text.slice(-END_CHARACTERS) };
  }

  /** Tokens of a prompt, however long it is. */
  async count(source: PromptSource): Promise<number> {
    return (await this.#rendered(source)).ids.length;
  }

  async #rendered(source: PromptSource): Promise<{ text: string; ids: Int32Array }> {
    const { template, tokenizer } = this.options;
    const { messages, prompt, tools, continuesLast, templateVariables } = source;
    if (typeof prompt === 'string') return { text: prompt, ids: tokenizer.encode(prompt, { addSpecialTokens: true }) };
    if (prompt !== undefined) return { text: tokenizer.decode(prompt, { skipSpecialTokens: false }), ids: prompt };
    const isContinued = continuesLast === true;
    await nextTurn(); // the template's thread gets a copy: of a long conversation that takes its time
    const whole = await template.render({
      messages,
      ...(tools.length > 0 ? { tools } : {}),
      addGenerationPrompt: !isContinued,
      ...(templateVariables === undefined ? {} : { variables: templateVariables }),
    });
    await nextTurn(); // and it takes as much to have its text
    const text = isContinued ? continueLast(whole, messages) : whole;
    return { text, ids: await tokenizer.encodeInSlices(text, { addSpecialTokens: false }) };
  }
}

const END_CHARACTERS = 64;
