/** Exchanges of models in a daemon, over HTTP. */
import type { SwapBody } from '#src/client/residency-bodies.js';
import { setTimeout as sleep } from 'node:timers/promises';

export class ResidencyClientHttp {
  constructor(private readonly base: string) {}

  /** Resolves when the exchange is over. Throws unless the new model answers. */
  async swap(model: string): Promise<SwapBody> {
    let report = await this.#post<SwapBody>('swap', { model });
    while (!['done', 'rolled_back', 'failed'].includes(report.state)) {
      await sleep(2);
      report = (await (await fetch(`${this.base}/v1/admin/models/swap/${report.id}`)).json()) as SwapBody;
    }
    if (report.state !== 'done') throw new Error(`the exchange for ${model} ended as ${report.state}: ${report.error}`);
    return report;
  }

  async unload(model: string): Promise<void> {
    await this.#post('unload', { model });
  }

  async #post<T>(verb: string, body: object): Promise<T> {
    const response = await fetch(`${this.base}/v1/admin/models/${verb}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${verb}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}
