/** Messages -> token ids: rendered by the model's template, encoded, and tied to what was really emitted where the text is the same. */
import { SemanticError } from '../domain/errors.js';
import type { GenerationRequest } from '../domain/request.js';
import type { ChatTemplate, Tokenizer } from '../ports.js';
import { splicePrompt } from './splice-prompt.js';

export interface PromptEncoderOptions {
  readonly template: ChatTemplate;
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  /** Tokens of a sequence whose text the prompt may go on from; null = there is none. */
  readonly earlierTokens: (ids: Int32Array, request: GenerationRequest) => Int32Array | null;
}

export class PromptEncoder {
  constructor(private readonly options: PromptEncoderOptions) {}

  async encode(request: GenerationRequest): Promise<Int32Array> {
    const { template, tokenizer, contextLength, earlierTokens } = this.options;
    const tools = request.tools.length > 0 ? { tools: request.tools } : {};
    const text = await template.render({ messages: request.messages, ...tools, addGenerationPrompt: true });
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    const earlier = request.cachePrompt ? earlierTokens(ids, request) : null;
    const prompt = earlier === null ? ids : splicePrompt({ text, ids, earlier, tokenizer });
    if (prompt.length > contextLength) {
      throw new SemanticError('PromptTooLong', `prompt is too long: ${prompt.length} tokens > ${contextLength} maximum`, {
        param: 'messages',
      });
    }
    if (prompt.length === 0) throw new SemanticError('InvalidRequest', 'the messages render to an empty prompt', { param: 'messages' });
    return prompt;
  }
}
