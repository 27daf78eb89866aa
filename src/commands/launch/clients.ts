import { claude } from './claude.js';
import type { Client } from './client.js';
import { codex } from './codex.js';
import { opencode } from './opencode.js';
import { pi } from './pi.js';

export const CLIENTS = { claude, codex, opencode, pi } satisfies Record<string, Client>;
