import { measure, shown, type Suite } from './suite.js';
import { usingDaemon } from './using-daemon.js';

export const startup: Suite = {
  name: 'startup',
  summary: 'from the start of the process to a daemon that answers: the first time, and again',
  of: 'own',
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: () => [
    {
      name: 'ready',
      x: null,
      measures: [
        // The first time the weights are read for their hash, which is remembered.
        shown('first', 'ms', 'lower'),
        measure('again', 'ms', 'lower'),
      ],
      cost: { promptTokens: 0, outputTokens: 0, seconds: 4 },
      run: (target, { signal }) =>
        usingDaemon(target, {}, signal, async ({ launched }) => {
          const first = launched.readyMillis;
          await launched.restart(signal);
          return { first, again: launched.readyMillis };
        }),
    },
  ],
};
