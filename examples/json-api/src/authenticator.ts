import { execFileSync } from 'node:child_process';
import { totpCode } from 'passport-second-factor/testing';

const STEP = 30_000;

/** An authenticator app: our own, or a command of the shell that prints the code of `$SECRET` at the time `$AT`. */
export class Authenticator {
  constructor(
    private readonly secret: string,
    private readonly command?: string,
  ) {}

  /** The code of the present time step, or of one ahead: each works once. */
  code(ahead = 0): string {
    const at = Date.now() + ahead * STEP;
    if (this.command === undefined) return totpCode(this.secret, at);
    const AT = new Date(at).toISOString().replace('T', ' ').replace(/\..*/, ' UTC');
    const env = { ...process.env, SECRET: this.secret, AT };
    return execFileSync('sh', ['-c', this.command], { encoding: 'utf8', env }).trim();
  }
}
