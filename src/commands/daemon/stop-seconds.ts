import type { Config } from '../../adapters/config/schema.js';

/** What storing and closing may take behind the answers. */
const CLOSING_SECONDS = 60;

/** How long a daemon that was asked to stop may take until it is gone. */
export function stopSeconds({ server }: Config): number {
  return server.shutdown_timeout_seconds + CLOSING_SECONDS;
}
