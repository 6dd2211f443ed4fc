/** Bytes or text, in pieces of any size. */
export type Chunks = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

export interface Line {
  line: number;
  /** Without its end; `undefined` where it is longer than 64 KiB. */
  text: string | undefined;
}

/** Characters. What a longer line has is passed over and never kept. */
const LONGEST = 64 * 1_024;

/** The lines of a file that are not empty, numbered from 1, with no more in memory than one of them. */
export async function* readLines(chunks: Chunks): AsyncGenerator<Line, void, undefined> {
  const decoder = new TextDecoder();
  let [line, rest, isTooLong] = [1, '', false];
  function finish(text: string): Line | undefined {
    const isOver = isTooLong || rest.length + text.length > LONGEST;
    const whole = (rest + text).replace(/\r$/, '');
    const number = line;
    [line, rest, isTooLong] = [line + 1, '', false];
    if (isOver) return { line: number, text: undefined };
    return whole.trim() === '' ? undefined : { line: number, text: whole };
  }
  for await (const chunk of chunks) {
    const parts = (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })).split('\n');
    const last = parts.pop() ?? '';
    for (const part of parts) {
      const finished = finish(part);
      if (finished) yield finished;
    }
    if (isTooLong || rest.length + last.length > LONGEST) [rest, isTooLong] = ['', true];
    else rest += last;
  }
  const finished = finish(decoder.decode());
  if (finished) yield finished;
}
