export interface PullProgress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
}

export interface PullOptions {
  /** The models/ folder. */
  readonly models: string;
  /** Another name than that of the repository or file; null = that one. */
  readonly name: string | null;
  readonly onProgress: (progress: PullProgress) => void;
  readonly signal: AbortSignal;
}

export interface Pulled {
  readonly name: string;
  readonly path: string;
  /** Of all its files. */
  readonly bytes: number;
  /** As it was asked for, with the commit where there is one. */
  readonly source: string;
  /** False when it was there already and whole. */
  readonly fetched: boolean;
}
