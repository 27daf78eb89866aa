/** What of an input's last hidden states [tokens, D] its vector is: their mean, or that of the first or last token. */
export const POOLINGS = ['mean', 'first', 'last'] as const;
export type Pooling = (typeof POOLINGS)[number];
