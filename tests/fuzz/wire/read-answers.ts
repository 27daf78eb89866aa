/** What a server sent on one connection, as the HTTP/1.1 answers that it is. Strict: a byte too many or too few is a finding. */

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** Whether all of it was there. */
  readonly isWhole: boolean;
}

export interface Answers {
  readonly answers: readonly Answer[];
  /** What of the bytes is no HTTP; null = all of them are. */
  readonly fault: string | null;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** `methods`: of the requests in their order, since the answer to HEAD has no body. `hasEnded`: whether the server closed. */
export function readAnswers(bytes: Buffer, methods: readonly string[], hasEnded: boolean): Answers {
  const answers: Answer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(HEAD_END, at);
    if (end < 0) return { answers, fault: hasEnded ? `a head that does not end: ${shown(bytes.subarray(at))}` : null };
    const head = readHead(bytes.toString('latin1', at, end));
    if (head === null) return { answers, fault: `this is no head of an answer: ${shown(bytes.subarray(at, end))}` };
    at = end + HEAD_END.length;
    if (head.status < 200) continue;
    const isBare = methods[answers.length] === 'HEAD' || head.status === 204 || head.status === 304;
    const { body, next, fault } = isBare ? { body: Buffer.alloc(0), next: at, fault: null } : readBody(bytes, at, head.headers, hasEnded);
    answers.push({ ...head, body, isWhole: next !== null });
    if (fault !== null || next === null) return { answers, fault };
    at = next;
  }
  return { answers, fault: null };
}

type Head = Pick<Answer, 'status' | 'headers'>;

function readHead(text: string): Head | null {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(first)?.[1];
  if (status === undefined) return null;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+): ?([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    headers.set(name.toLowerCase(), value);
  }
  return { status: Number(status), headers };
}

interface Body {
  readonly body: Buffer;
  /** Where the next answer begins; null = more is to come, or should have. */
  readonly next: number | null;
  readonly fault: string | null;
}

function readBody(bytes: Buffer, at: number, headers: Head['headers'], hasEnded: boolean): Body {
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(bytes, at);
  const length = headers.get('content-length');
  if (length === undefined) return { body: bytes.subarray(at), next: hasEnded ? bytes.length : null, fault: null };
  const end = at + Number(length);
  return { body: bytes.subarray(at, end), next: end <= bytes.length ? end : null, fault: null };
}

function readChunks(bytes: Buffer, start: number): Body {
  const parts: Buffer[] = [];
  for (let at = start; ;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return { body: Buffer.concat(parts), next: null, fault: null };
    const size = bytes.toString('latin1', at, line);
    if (!/^[0-9a-f]{1,8}$/i.test(size))
      return { body: Buffer.concat(parts), next: null, fault: `a chunk of the size ${JSON.stringify(size)}` };
    const end = line + 2 + Number.parseInt(size, 16);
    if (end + 2 > bytes.length) return { body: Buffer.concat([...parts, bytes.subarray(line + 2, end)]), next: null, fault: null };
    parts.push(bytes.subarray(line + 2, end));
    at = end + 2;
    if (size === '0') return { body: Buffer.concat(parts), next: at, fault: null };
  }
}

/** Bytes for a message; what is repeated in them is said once. */
export function shown(bytes: Buffer, most = 200): string {
  const text = JSON.stringify(bytes.toString('latin1')).replaceAll(
    /(.{1,24}?)\1{15,}/g,
    (all, part: string) => `<<${part} x${all.length / part.length}>>`,
  );
  return text.length > most ? `${text.slice(0, most)} and more, of ${bytes.length} bytes` : text;
}
