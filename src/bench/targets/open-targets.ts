/** All that is measured in one run, opened one after the other; where one cannot be, all are closed again and nothing was measured. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { locateModel } from '../../adapters/hub/locate-model.js';
import { SemanticError } from '../../core/domain/errors.js';
import { LlamaCpp, llamaServerOf } from './llama-cpp.js';
import { startMlxLm } from './mlx-lm.js';
import { binaryOf, joinOurs, startOurs, thisBinary } from './our-target.js';
import type { Target } from './target.js';
import { joinUrl } from './url-peer.js';

export interface TargetWish {
  /** Id, alias or path of the model that private daemons load. */
  readonly model: string;
  /** Of `semantic serve`, for private daemons. */
  readonly flags: readonly string[];
  /** 0 = one per core. */
  readonly threads: number;
  /** A daemon that runs, instead of a private one; null = a private one. */
  readonly target: string | null;
  /** Another build, which comes first as what all others are compared with; null = none. */
  readonly againstBuild: string | null;
  /** `--peer`, as given. */
  readonly peers: readonly string[];
  /** The same weights, where peers cannot read what our daemon does; null = the model's own files. */
  readonly gguf: string | null;
  readonly folder: string | null;
  /** Key of our own running daemon, and of peers by url; '' = none. */
  readonly apiKey: string;
  readonly peerKey: string;
}

type Opener = (signal: AbortSignal) => Promise<Target>;

/** The one that others are compared with comes first. Throws before anything starts where a wish is wrong. */
export async function openTargets(wish: TargetWish, signal: AbortSignal): Promise<readonly Target[]> {
  const targets: Target[] = [];
  try {
    for (const open of openersOf(wish, () => targets[0]?.contextTokens ?? null)) targets.push(await open(signal));
    return targets;
  } catch (error) {
    await closeTargets(targets);
    throw error;
  }
}

export async function closeTargets(targets: readonly Target[]): Promise<void> {
  await Promise.allSettled(targets.map((target) => target.close()));
}

function openersOf(wish: TargetWish, contextTokens: () => number | null): readonly Opener[] {
  const name = namer();
  const openers: Opener[] = [];
  const ourModel = (): string => {
    const { id, path } = locateModel(wish.model);
    return wish.model.includes('/') || wish.model.endsWith('.gguf') ? path : id;
  };
  const ours = (called: string, binary: string): Opener => {
    const build = { name: name(called), binary, model: ourModel(), flags: wish.flags };
    return (signal) => startOurs(build, signal);
  };
  if (wish.againstBuild !== null) openers.push(ours('base', binaryOf(wish.againstBuild)));
  const { target } = wish;
  if (target === null) openers.push(ours('semantic', thisBinary()));
  else {
    const called = name('semantic');
    openers.push((signal) => joinOurs(target, called, wish.apiKey, signal));
  }
  for (const peer of wish.peers) openers.push(peerOpener(peer, wish, name, contextTokens));
  return openers;
}

const PEERS = 'Wanted llama.cpp=PATH, mlx-lm, mlx-lm=PYTHON or url=ADDRESS.';
/** Where nothing says how long prompts may be. */
const USUAL_CONTEXT = 4_096;

function peerOpener(peer: string, wish: TargetWish, name: (wanted: string) => string, contextTokens: () => number | null): Opener {
  const at = peer.indexOf('=');
  const [kind, value] = at < 0 ? [peer, ''] : [peer.slice(0, at), peer.slice(at + 1)];
  const called = name(kind === 'url' ? hostOf(value) : kind);
  const context = (): number => contextTokens() ?? USUAL_CONTEXT;
  if (kind === 'llama.cpp' && value !== '') {
    const gguf = wish.gguf === null ? weightsFor('llama.cpp', wish.model, true) : resolve(wish.gguf);
    const threads = wish.threads === 0 ? availableParallelism() : wish.threads;
    const command = llamaServerOf(value);
    return (signal) => LlamaCpp.start({ name: called, command, gguf, threads, contextTokens: context() }, signal);
  }
  if (kind === 'mlx-lm') {
    const folder = wish.folder === null ? weightsFor('mlx-lm', wish.model, false) : resolve(wish.folder);
    return (signal) => startMlxLm({ name: called, python: value === '' ? 'python3' : value, folder, contextTokens: context() }, signal);
  }
  if (kind === 'url' && value !== '') return (signal) => joinUrl({ name: called, url: value, apiKey: wish.peerKey }, signal);
  throw new SemanticError('InvalidRequest', `[bench] --peer: got ${JSON.stringify(peer)}`, { param: 'peer', hint: PEERS });
}

/** The model's own files, where the peer can read them. Throws InvalidRequest where it cannot. */
function weightsFor(peer: string, model: string, wantsGguf: boolean): string {
  const { path } = locateModel(model);
  if (path.endsWith('.gguf') === wantsGguf) return path;
  const [wanted, flag] = wantsGguf ? ['a GGUF file', '--peer-gguf FILE'] : ['a folder of safetensors', '--peer-folder FOLDER'];
  throw new SemanticError('InvalidRequest', `[bench] ${peer} reads ${wanted}, and ${model} is ${path}`, {
    hint: `Name the same weights in that form: ${flag}.`,
  });
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch (cause) {
    throw new SemanticError('InvalidRequest', `[bench] --peer url: ${JSON.stringify(url)} is no address`, {
      param: 'peer',
      hint: PEERS,
      cause,
    });
  }
}

/** Names that nobody else of the run has. */
function namer(): (wanted: string) => string {
  const taken = new Map<string, number>();
  return (wanted) => {
    const count = (taken.get(wanted) ?? 0) + 1;
    taken.set(wanted, count);
    return count === 1 ? wanted : `${wanted}-${count}`;
  };
}
