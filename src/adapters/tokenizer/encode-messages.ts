/** What goes between the daemon's thread and the one that encodes long texts. */
export interface EncodeRequest {
  readonly id: number;
  readonly text: string;
  readonly addSpecialTokens: boolean;
}

export interface EncodeReply {
  readonly id: number;
  /** Its memory is handed over. */
  readonly ids: Int32Array;
}

export interface EncodeWorkerData {
  /** Folder or file that the tokenizer is read from. */
  readonly path: string;
  /** Of the tokenizer whose ids are wanted: the files may have been exchanged since. */
  readonly hash: string;
}
