/** Settings that are shown to nobody and named in no message, and variables of other programs that are like them. */
export const SECRET_SETTINGS: ReadonlySet<string> = new Set(['client.api_key']);
export const SECRET_VARIABLES: readonly string[] = ['SEMANTIC_CLIENT_API_KEY', 'HF_TOKEN'];
