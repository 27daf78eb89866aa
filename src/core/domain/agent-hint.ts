/** Which agent a request of some client is a turn of, as its wire says it: a hint, which costs time where it is wrong, never truth. */
export interface AgentHint {
  /** A valid id of an agent, which two scopes or two clients never have in common. */
  readonly id: string;
  /** Ids of those it works for, the outermost first; none for who works for nobody. */
  readonly ancestors: readonly string[];
  /** Who said so: the name of a client, or of the field it was said in. */
  readonly client: string;
}
