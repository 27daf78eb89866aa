/** What the worker thread and its owner say to each other. */
export interface RenderRequest {
  readonly id: number;
  readonly toolUse: boolean;
  readonly variables: Readonly<Record<string, unknown>>;
}

export type RenderReply =
  | { readonly kind: 'ready' }
  /** The template itself cannot be parsed. */
  | { readonly kind: 'invalid'; readonly message: string }
  | { readonly kind: 'rendered'; readonly id: number; readonly text: string }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

export interface RenderWorkerData {
  /** Path of the Jinja package's CommonJS file. */
  readonly jinja: string;
  readonly templates: { readonly default: string; readonly toolUse: string | null };
}
