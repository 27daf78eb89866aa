/** Things that wait, by the key they came with: keys take turns, and within a key its things do. */
export class Rotation<T> {
  readonly #keys: { readonly key: string; readonly things: T[] }[] = [];

  get size(): number {
    return this.#keys.reduce((sum, { things }) => sum + things.length, 0);
  }

  add(key: string, thing: T): void {
    const found = this.#keys.find((entry) => entry.key === key);
    if (found === undefined) this.#keys.push({ key, things: [thing] });
    else found.things.push(thing);
  }

  remove(thing: T): void {
    const at = this.#keys.findIndex(({ things }) => things.includes(thing));
    if (at < 0) return;
    const { things } = this.#keys[at]!;
    things.splice(things.indexOf(thing), 1);
    if (things.length === 0) this.#keys.splice(at, 1);
  }

  /** The next that `suits`, which stays and is now the last of its key, as its key is of all. Null where none does. */
  take(suits: (thing: T) => boolean): T | null {
    for (const [at, entry] of this.#keys.entries()) {
      const index = entry.things.findIndex(suits);
      if (index < 0) continue;
      const thing = entry.things[index]!;
      entry.things.splice(index, 1);
      entry.things.push(thing);
      this.#keys.splice(at, 1);
      this.#keys.push(entry);
      return thing;
    }
    return null;
  }
}
