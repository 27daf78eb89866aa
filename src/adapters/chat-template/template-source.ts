/** The Jinja texts a model's files carry. */
export interface ChatTemplates {
  readonly default: string;
  /** Used instead where tools are given; null = the default serves both. */
  readonly toolUse: string | null;
}

/** What a chat template is made from. */
export interface ChatTemplateSource {
  /** null = the model has none. */
  readonly templates: ChatTemplates | null;
  /** `bos_token`, `eos_token` ... as variables of the template. */
  readonly namedTokens: Readonly<Record<string, string>>;
}
