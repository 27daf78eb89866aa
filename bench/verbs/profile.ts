import { profileSteps, profileTable } from '../profile.js';
import { ENGINE, engineOptions, numbers, verb } from '../verb.js';

export const profile = verb({
  summary: 'where the time of a step goes',
  flags: { ...ENGINE, prefill: '512,4096', decode: '64', depths: '0,4096', sequences: '1,8,16' },
  async run(flags, progress) {
    const work = {
      prefills: numbers(flags.prefill),
      depths: numbers(flags.depths),
      sequences: numbers(flags.sequences),
      steps: Number(flags.decode),
    };
    return [profileTable(await profileSteps(engineOptions(flags), work, progress))];
  },
});
