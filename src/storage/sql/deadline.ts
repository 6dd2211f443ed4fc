/** Milliseconds. */
export interface Limits {
  /** How long a statement may wait for a lock. */
  lock: number;
  statement: number;
  /** How long the caller waits, for a free connection and for repetitions too. */
  total: number;
}

/**
 * How long a statement that nobody waits for any more may go on before its connection is closed. A server ends it long
 * before that; closing at once would open a new connection, and a new wait for the same lock, for each request.
 */
const grace = 3_000;

/** Instead of an answer, from a connection that is given up. One for all: nobody is told where it was made. */
export const silence = new Error('The connection is silent.');

/** When the caller of a verb is told that there is no answer, and when its connection is given up. */
export class Deadline {
  isOver = false;
  readonly #over: Promise<never>;
  readonly #silent: Promise<never>;
  readonly #timers: NodeJS.Timeout[] = [];

  private constructor(readonly limits: Limits) {
    this.#over = this.#rejectAfter(limits.total, () => {
      this.isOver = true;
      return this.#overdue();
    });
    this.#silent = this.#rejectAfter(limits.total + grace, () => silence);
  }

  static async within<T>(limits: Limits, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    const deadline = new Deadline(limits);
    const done = work(deadline).finally(() => {
      for (const timer of deadline.#timers) clearTimeout(timer);
    });
    return Promise.race([done, deadline.#over]);
  }

  throwIfOver(): void {
    if (this.isOver) throw this.#overdue();
  }

  /** A driver does not always settle what was asked of a connection that is closed, and never of one that is mute. */
  unlessSilent<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#silent]);
  }

  #overdue(): Error {
    return new Error(
      `The database did not answer within ${this.limits.total / 1_000} s. It is down or overloaded, its pool has no free ` +
        'connection, or a lock is held. What was asked for is being rolled back, or has an unknown outcome.',
    );
  }

  #rejectAfter(time: number, reason: () => Error): Promise<never> {
    const promise = new Promise<never>((_resolve, reject) => {
      this.#timers.push(setTimeout(() => reject(reason()), time));
    });
    promise.catch(() => undefined);
    return promise;
  }
}
