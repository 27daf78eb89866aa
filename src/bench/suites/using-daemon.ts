/** A daemon of the target's build for one sample: what it holds and has stored is nobody else's. */
import { SemanticError } from '../../core/domain/errors.js';
import type { DaemonOptions, LaunchedDaemon, Target } from '../targets/target.js';
import type { Sample } from './suite.js';

export interface InUse extends Pick<LaunchedDaemon, 'chat' | 'daemon' | 'home'> {
  readonly launched: LaunchedDaemon;
}

export async function usingDaemon(
  { own, name }: Target,
  options: DaemonOptions,
  signal: AbortSignal,
  measure: (daemon: InUse) => Promise<Sample>,
): Promise<Sample> {
  if (own === null) throw new SemanticError('Internal', `[bench] ${name} is no build of ours`);
  const launched = await own.launch(options, signal);
  try {
    const { daemon, home } = launched;
    return await measure({ launched, daemon, home, chat: (body, more) => launched.chat(body, more) });
  } finally {
    await launched.close();
  }
}
