import { hash } from 'node:crypto';
import type { ChatTemplate } from '../../core/ports.js';
import { createChatTemplate } from './create-chat-template.js';
import type { ChatTemplateSource } from './template-source.js';

/** Opens chat templates, and remembers which could be parsed: a model that comes back need not start a thread to show that its own can be. */
export class TemplateOpener {
  readonly #parsed = new Set<string>();

  constructor(private readonly timeLimitMs: number) {}

  /** Throws ModelUnsupported where it cannot be parsed. */
  async open(source: ChatTemplateSource): Promise<ChatTemplate> {
    const template = await createChatTemplate(source, this.timeLimitMs);
    this.#parsed.add(identityOf(source));
    return template;
  }

  /** As `open`, and keeps nothing. */
  async check(source: ChatTemplateSource): Promise<void> {
    if (this.#parsed.has(identityOf(source))) return;
    await (await this.open(source)).close();
  }
}

function identityOf({ templates }: ChatTemplateSource): string {
  return hash('sha256', JSON.stringify(templates), 'hex');
}
