import { describeKvStore } from './contract.js';
import { StorePlace } from './fixtures.js';

describeKvStore('the disk store', async () => {
  const place = await StorePlace.make();
  return { kv: await place.open(), reopen: () => place.open(), clean: () => place.clean() };
});
