import type { StreamEvent } from '../../../src/server/responses/stream-events.js';

/** Of a stream that has ended: each frame's `event:` is its `type`, and its numbers only grow. */
export async function readEvents(response: Response): Promise<StreamEvent[]> {
  const frames = (await response.text()).split('\n\n').filter((frame) => frame !== '' && !frame.startsWith(':'));
  const events = frames.map((frame) => {
    const [name, data] = frame.split('\n');
    const event = JSON.parse(data!.slice('data: '.length)) as StreamEvent;
    if (name !== `event: ${event.type}`) throw new Error(`the frame of ${event.type} begins with ${name}`);
    return event;
  });
  const numbers = events.map(({ sequence_number: number }) => number);
  if (numbers.some((number, i) => i > 0 && number <= numbers[i - 1]!)) throw new Error(`numbers that do not grow: ${numbers.join(' ')}`);
  return events;
}
