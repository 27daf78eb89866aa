#!/usr/bin/env node
/**
 * Makes a bare clone run, with nothing but Node's built-ins: `npm start` (serve), `npm test`, `npm run check`.
 * Each step knows whether it is done; with all done this costs a fraction of a second.
 */
import { requireNode } from './bootstrap/require-node.js';

requireNode();
const { main } = await import('./bootstrap/main.js');
await main(process.argv.slice(2));
