/** Progress of the steps on stderr: a bar on a terminal, plain lines elsewhere. */
import { megabytes } from './disk-space.js';

const BAR_CELLS = 24;
const PLAIN_STEP = 0.25; // off a terminal, a line per quarter

export class Progress {
  #stream;
  #title = '';
  #started = 0;
  #nextPlain = PLAIN_STEP;
  #barShown = false;

  /** @param {NodeJS.WriteStream} [stream] */
  constructor(stream = process.stderr) {
    this.#stream = stream;
  }

  /** @param {string} title */
  begin(title) {
    this.#title = title;
    this.#started = performance.now();
    this.#nextPlain = PLAIN_STEP;
    if (!this.#stream.isTTY) this.#stream.write(`semantic: ${title} ...\n`);
    else this.#draw(`  ${title} ...`);
  }

  /**
   * @param {number} done
   * @param {number} total 0 when it is not known
   * @param {'bytes' | 'items'} [unit]
   */
  update(done, total, unit = 'bytes') {
    const amount = unit === 'bytes' ? `${megabytes(done)}${total > 0 ? ` of ${megabytes(total)}` : ''}` : `${done} of ${total}`;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    if (this.#stream.isTTY) {
      const full = Math.round(share * BAR_CELLS);
      const bar = total > 0 ? `[${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}] ` : '';
      this.#draw(`  ${this.#title} ${bar}${amount}`);
    } else if (share >= this.#nextPlain && share < 1) {
      this.#stream.write(`semantic:   ${Math.floor(share * 100)} % (${amount})\n`);
      this.#nextPlain = share + PLAIN_STEP;
    }
  }

  end() {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1);
    this.note(`${this.#title}: done in ${seconds} s`);
  }

  /**
   * A line that stays.
   * @param {string} line
   */
  note(line) {
    this.clear();
    this.#stream.write(`semantic: ${line}\n`);
  }

  clear() {
    if (this.#barShown) this.#stream.write('\r\u001b[K');
    this.#barShown = false;
  }

  /** @param {string} text */
  #draw(text) {
    this.#stream.write(`\r\u001b[K${text.slice(0, Math.max(20, (this.#stream.columns ?? 80) - 1))}`);
    this.#barShown = true;
  }
}
