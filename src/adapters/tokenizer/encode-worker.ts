/** All that runs in the thread that encodes long texts: the model's tokenizer once more, one text after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import type { EncodeReply, EncodeRequest, EncodeWorkerData } from './encode-messages.js';
import { PipelineTokenizer } from './pipeline-tokenizer.js';
import { readSource } from './read-source.js';
import { tokenizerHash } from './tokenizer-hash.js';

const { path, hash } = workerData as EncodeWorkerData;
const source = await readSource(path);
if (tokenizerHash(source) !== hash) throw new Error(`[tokenizer] ${path} is no longer what the model was loaded with`);
const tokenizer = new PipelineTokenizer(source);
parentPort!.on('message', ({ id, text, addSpecialTokens }: EncodeRequest) => {
  const reply: EncodeReply = { id, ids: tokenizer.encode(text, { addSpecialTokens }) };
  parentPort!.postMessage(reply, [reply.ids.buffer as ArrayBuffer]);
});
