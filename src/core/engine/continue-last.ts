import type { ChatMessage } from '../domain/chat-message.js';
import { SemanticError } from '../domain/errors.js';

/**
 * The rendered conversation up to where its last message ends: what the template writes to end a turn is cut off. As transformers'
 * `continue_final_message` does it. Throws TemplateFailed where the template does not write the message as it is.
 */
export function continueLast(rendered: string, messages: readonly ChatMessage[]): string {
  const content = messages.at(-1)?.content ?? '';
  const said = content.trim();
  const at = said === '' ? -1 : rendered.lastIndexOf(said);
  if (at < 0) {
    throw new SemanticError(
      'TemplateFailed',
      '[chat_template.render] the chat template does not show the message that is to be gone on with',
      {
        param: 'messages',
        hint: 'Give it a text, or ask with a message of the user.',
      },
    );
  }
  const end = at + said.length;
  const space = content.slice(content.trimEnd().length);
  return rendered.startsWith(space, end) ? rendered.slice(0, end + space.length) : rendered.slice(0, end);
}
