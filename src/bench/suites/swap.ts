import { measure, type Suite } from './suite.js';
import { usingDaemon } from './using-daemon.js';

export const swap: Suite = {
  name: 'swap',
  summary: 'exchanging the model in memory for another, and back (--other NAME)',
  of: 'own',
  unavailable: ({ other }) => (other === null ? 'it wants a second installed model: --other NAME' : null),
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: ({ other }) => [
    {
      name: `for ${other}`,
      x: null,
      measures: [measure('there', 'ms', 'lower'), measure('back', 'ms', 'lower')],
      cost: { promptTokens: 0, outputTokens: 16, seconds: 6 },
      run: (target, { signal }) =>
        usingDaemon(target, {}, signal, async ({ daemon, chat }) => {
          const hello = { messages: [{ role: 'user' as const, content: 'Hello.' }], maxTokens: 8 };
          await chat(hello, { signal });
          const there = await daemon.swap(other!);
          const back = await daemon.swap(target.model);
          await chat(hello, { signal });
          return { there, back };
        }),
    },
  ],
};
