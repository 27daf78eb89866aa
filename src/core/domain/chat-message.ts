/** One message as a chat template reads it; fields beyond these pass through to it. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string | null;
  readonly [key: string]: unknown;
}
