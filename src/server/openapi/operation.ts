/** One route as the document describes it: what it takes and gives, in the schemas it is checked with. */
import type { z } from 'zod';

export interface Operation {
  readonly method: 'get' | 'post' | 'patch' | 'delete' | 'head';
  /** As Fastify writes it: `/v1/agents/:id`. */
  readonly url: string;
  readonly tag: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** Null = bytes of any kind. */
  readonly body?: z.ZodObject | null;
  /** Whether a request may come without its body. */
  readonly bodyIsOptional?: boolean;
  readonly status?: 200 | 201 | 202 | 204 | 426;
  /** Absent: the answer has no body. Null = bytes of any kind. */
  readonly answer?: z.ZodType | null;
  /** It may come, or always comes, as server-sent events. */
  readonly streams?: 'asked' | 'always';
  /** Other statuses it answers with in the form of `answer`. */
  readonly also?: readonly number[];
  /** Errors are those of the Messages API, or of the dialect that is asked for in the body. */
  readonly errors?: 'messages' | 'either';
}
