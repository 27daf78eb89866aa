/** Somebody waits for an interactive answer; a batch one is worth having whenever there is room. */
export const PRIORITIES = ['interactive', 'batch'] as const;
export type Priority = (typeof PRIORITIES)[number];
