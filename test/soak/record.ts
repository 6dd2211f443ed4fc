import { appendFileSync } from 'node:fs';
import type { Answered, Visiting } from '../helpers/visitor.js';
import type { Diary } from './people.js';

/** What happened in one part of the time. */
interface Part {
  requests: number;
  /** Milliseconds of each answer, by what was asked. */
  pages: number[];
  codes: number[];
}

export interface Record {
  watch: NonNullable<Visiting['watch']>;
  /** Answers that should not have come, in words. */
  unexpected: string[];
  begin(): void;
  /** @param memory resident megabytes of each node. */
  endPart(memory: number[], diary: Diary): void;
  finish(diary: Diary): void;
}

/** @param file where each part is added as a line of JSON for `npm run soak`. */
export function createRecord(file: string | undefined): Record {
  const fresh = (): Part => ({ requests: 0, pages: [], codes: [] });
  let part = fresh();
  const unexpected: string[] = [];
  const write = (line: object): void => {
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
  };
  return {
    unexpected,
    watch(method: string, path: string, answered: Answered, time: number) {
      part.requests += 1;
      if (method === 'POST' && path === '/two-factor/challenge') part.codes.push(time);
      else if (method === 'GET') part.pages.push(time);
      if (answered.status >= 400 && !isMeant(path, answered))
        unexpected.push(`${method} ${path}: ${String(answered.status)}`);
    },
    begin() {
      part = fresh();
    },
    endPart(memory, diary) {
      const { requests, pages, codes } = part;
      part = fresh();
      write({
        requests,
        memory,
        page: percentiles(pages),
        code: percentiles(codes),
        unexpected: unexpected.length,
        letIn: diary.letIn.length,
        acceptedTwice: diary.acceptedTwice.length,
        failed: diary.failed.length,
      });
    },
    finish(diary) {
      write({
        done: diary.done,
        words: [...unexpected, ...diary.letIn, ...diary.acceptedTwice, ...diary.failed],
      });
    },
  };
}

/** A code that is wrong or used is answered 4xx. */
function isMeant(path: string, { status }: Answered): boolean {
  return path === '/two-factor/challenge' && [401, 409, 422].includes(status);
}

function percentiles(times: number[]): { median: number; p99: number; most: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { median: at(0.5), p99: at(0.99), most: at(1) };
}
