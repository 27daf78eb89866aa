/** What every dialect's conversation comes down to. Fields that only their vendor reads are gone by then. */

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON, as it was emitted or as the client wrote it. */
  readonly arguments: string;
}

export type ConversationMessage =
  | { readonly role: 'system' | 'user'; readonly text: string }
  | {
      readonly role: 'assistant';
      readonly text: string;
      /** Null = it did not think, or that is not known any more. */
      readonly thinking: string | null;
      readonly calls: readonly ToolCall[];
    }
  | { readonly role: 'tool'; readonly callId: string; readonly text: string };

export interface ToolDefinition {
  readonly name: string;
  readonly description: string | null;
  /** JSON Schema of its arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** A call of it has to fit `parameters`, also one that the model makes by its own choice. */
  readonly isStrict?: boolean;
  /** The conversation tells of it where it was loaded, and not its beginning, which stays as it was. */
  readonly isToldLater?: boolean;
  /** The beginning tells of it, but it is not to be called any more. */
  readonly isWithdrawn?: boolean;
}

/** `any`: some tool must be called, of those that `names` has where it is given; `tool`: this one. */
export type ToolChoice =
  | { readonly type: 'auto' | 'none' }
  | { readonly type: 'any'; readonly names?: readonly string[] }
  | { readonly type: 'tool'; readonly name: string };
