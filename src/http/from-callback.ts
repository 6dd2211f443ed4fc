type Done<T> = (error?: unknown, value?: T) => void;

/** A promise of what a callback will be told; Passport and session stores know callbacks only. */
export function fromCallback<T = void>(run: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    run((error, value) => {
      if (!error) resolve(value as T);
      else
        reject(
          error instanceof Error ? error : new Error('A callback reported a failure.', { cause: error }),
        );
    });
  });
}
