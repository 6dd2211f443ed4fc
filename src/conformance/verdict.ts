/** What a check has come to. `unclear`: it could not look, mostly because the manifest describes the application wrongly. */
export type Status = 'passed' | 'failed' | 'not applicable' | 'unclear';

/** Ends a check. */
export class Verdict extends Error {
  override readonly name = 'Verdict';
  readonly status: Status;

  constructor(status: Status, message: string) {
    super(message);
    this.status = status;
  }
}

/** @throws Verdict `failed` where what must hold does not. */
export function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Verdict('failed', otherwise);
}

/** @throws Verdict `unclear` where the check could not begin. The message names the place in the manifest. */
export function arrange(worked: boolean, otherwise: string): asserts worked {
  if (!worked) throw new Verdict('unclear', otherwise);
}

export function skip(reason: string): never {
  throw new Verdict('not applicable', reason);
}

/** The suite could not look at all: exit code 2. The message says what to do. */
export class CannotLook extends Error {
  override readonly name = 'CannotLook';
}
