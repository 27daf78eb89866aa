import { SemanticError } from '../../core/domain/errors.js';
import type { ChatMessage, ChatTemplate, ChatTemplateInput } from '../../core/ports.js';
import { RenderThread } from './render-thread.js';
import type { ChatTemplates, ChatTemplateSource } from './template-source.js';

/**
 * A chat template that renders in a warm worker thread. Rejects with ModelUnsupported when the template cannot be
 * parsed. A model without a template loads too: rendering then says what is missing.
 */
export async function createChatTemplate(source: ChatTemplateSource, timeLimitMs: number): Promise<ChatTemplate> {
  if (source.templates === null) return new MissingTemplate();
  const template = new WorkerChatTemplate(source.templates, source.namedTokens, timeLimitMs);
  await template.start();
  return template;
}

/** Renders one at a time, in order; the time limit counts from when a render starts. */
class WorkerChatTemplate implements ChatTemplate {
  #thread: RenderThread;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(
    private readonly templates: ChatTemplates,
    private readonly namedTokens: Readonly<Record<string, string>>,
    private readonly timeLimitMs: number,
  ) {
    this.#thread = new RenderThread(templates);
  }

  start(): Promise<void> {
    return this.#thread.ready;
  }

  render(input: ChatTemplateInput): Promise<string> {
    const rendered = this.#last.then(() => this.#render(input));
    this.#last = rendered.catch(() => undefined);
    return rendered;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread.close();
  }

  async #render(input: ChatTemplateInput): Promise<string> {
    if (this.#isClosed) throw refuse('the model is being unloaded');
    if (input.messages.length === 0) throw refuse('wanted at least one message, got none');
    if (this.#thread.isDead) this.#thread = new RenderThread(this.templates);
    return this.#thread.render(this.#variables(input), input.tools !== undefined, this.timeLimitMs);
  }

  /** The variables that transformers' apply_chat_template gives. */
  #variables(input: ChatTemplateInput): Record<string, unknown> {
    return {
      documents: null,
      ...this.namedTokens,
      ...input.variables,
      messages: input.messages.map(prepareMessage),
      tools: input.tools ?? null,
      add_generation_prompt: input.addGenerationPrompt,
    };
  }
}

class MissingTemplate implements ChatTemplate {
  render(): Promise<string> {
    return Promise.reject(
      new SemanticError('TemplateFailed', '[chat_template.render] wanted a chat template, but the model has none', {
        hint: 'Choose an instruction-tuned model, or put a chat_template.jinja into the model folder.',
      }),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const REASONING_NAMES = ['reasoning_content', 'thinking', 'reasoning'] as const;

/** Keys without a value are left out, and reasoning is found under the names that templates read, as in transformers. */
function prepareMessage(message: ChatMessage): Record<string, unknown> {
  const present = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null && value !== undefined));
  const name = REASONING_NAMES.find((key) => present[key] !== undefined);
  if (name === undefined) return present;
  return { thinking: present[name], ...present, reasoning_content: present[name] };
}

function refuse(message: string): SemanticError {
  return new SemanticError('TemplateFailed', `[chat_template.render] ${message}`, { param: 'messages' });
}
