/** Header of an exported agent: a safetensors file of its images; the metadata holds the agent, its blocks and all checksums. */
import { hash } from 'node:crypto';

import type { AgentContext } from '../../core/domain/agent.js';
import type { KvBlock } from '../../core/domain/kv-block.js';
import { headerMetadata, layOutSafetensors, type SafetensorsLayout } from './safetensors-layout.js';
import { tokensFromText, tokensToText } from './token-text.js';

export const AGENT_FORMAT = 'semantic-agent-1';

export interface ExportedImage {
  readonly block: KvBlock;
  readonly kind: number;
  readonly bytes: number;
  /** XXH64 under the seed of the identity that block, kind and tokens give. */
  readonly checksum: bigint;
}

export interface AgentManifest {
  readonly agent: AgentContext;
  readonly blocks: readonly KvBlock[];
  readonly images: readonly ExportedImage[];
}

interface ManifestText {
  readonly agent: Omit<AgentContext, 'tokens' | 'elsewhere'> & { readonly tokens: string };
  readonly blocks: readonly (Omit<KvBlock, 'tokens'> & { readonly tokens: string })[];
  readonly images: readonly { readonly block: number; readonly kind: number; readonly bytes: number; readonly checksum: string }[];
}

export function layOutAgent({ agent, blocks, images }: AgentManifest): SafetensorsLayout {
  const { elsewhere: _, ...known } = agent; // the KV that goes with it is of one model
  const text: ManifestText = {
    agent: { ...known, tokens: tokensToText(agent.tokens) },
    blocks: blocks.map(({ hash: own, parent, index, tokens }) => ({ hash: own, parent, index, tokens: tokensToText(tokens) })),
    images: images.map(({ block, kind, bytes, checksum }) => ({
      block: blocks.indexOf(block),
      kind,
      bytes,
      checksum: checksum.toString(),
    })),
  };
  return layOut(JSON.stringify(text), images);
}

function layOut(manifest: string, images: readonly ExportedImage[]): SafetensorsLayout {
  const metadata = { format: AGENT_FORMAT, manifest, digest: hash('sha256', manifest, 'hex') };
  const tensors = images.map(({ block, kind, bytes }) => ({ name: `${block.hash}.${kind}`, dtype: 'U8' as const, bytes }));
  return layOutSafetensors(metadata, tensors);
}

/** Null where a single bit of the header is not what was written. */
export function parseAgentHeader(header: Uint8Array): { readonly manifest: AgentManifest; readonly layout: SafetensorsLayout } | null {
  const text = headerMetadata(header)?.['manifest'];
  if (typeof text !== 'string') return null;
  try {
    const { agent, blocks, images } = JSON.parse(text) as ManifestText;
    const known = blocks.map((block): KvBlock => ({ ...block, tokens: tokensFromText(block.tokens) }));
    const read = images.map(({ block, kind, bytes, checksum }) => ({ block: known[block]!, kind, bytes, checksum: BigInt(checksum) }));
    const layout = layOut(text, read);
    if (Buffer.compare(layout.header, header) !== 0) return null;
    return { manifest: { agent: { ...agent, tokens: tokensFromText(agent.tokens) }, blocks: known, images: read }, layout };
  } catch {
    return null; // damaged: its digest would not fit either
  }
}
