import { SemanticError } from '../../core/domain/errors.js';
import { isLoopback } from './loopback.js';

export interface ListenWish {
  readonly host: string;
  readonly allowRemote: boolean;
  readonly requireKeys: boolean;
  readonly keysOnFile: number;
}

/** Throws ConfigInvalid for an address that others reach unless that was asked for, and for keys being needed where there are none. */
export function assertMayListen({ host, allowRemote, requireKeys, keysOnFile }: ListenWish): void {
  if (!allowRemote && !isLoopback(host)) {
    throw new SemanticError('ConfigInvalid', `[server] other machines may reach ${host}, and that is not allowed (server.allow_remote)`, {
      param: 'server.host',
      hint: 'Make an API key with `semantic keys add`, then start with --allow-remote; or listen on 127.0.0.1.',
    });
  }
  if ((allowRemote || requireKeys) && keysOnFile === 0) {
    const why = allowRemote ? '--allow-remote (server.allow_remote)' : 'server.require_keys';
    throw new SemanticError('ConfigInvalid', `[server] with ${why} every request needs an API key, and there is none on file`, {
      param: allowRemote ? 'server.allow_remote' : 'server.require_keys',
      hint: 'Make one with: semantic keys add',
    });
  }
}
