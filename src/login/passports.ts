import type { Request } from 'express';
import type { Strategy } from 'passport';
import { withPatience } from '../clock.js';
import { SecondFactorError } from '../errors.js';
import { fromCallback } from '../http/from-callback.js';

/** A Passport instance: `passport` itself or one made with `new Passport()`, whatever its framework types are. */
export interface PassportInstance {
  /** Used for the strategy `session`. */
  use(name: string, strategy: Strategy): unknown;
  /** How a login begins; called as it is. */
  authenticate: (...parameters: never[]) => unknown;
  /** Asked at the first factor, once for each login. */
  serializeUser: (...parameters: never[]) => unknown;
  /** Asked at each request, after stamp and epoch were looked at. */
  deserializeUser: (...parameters: never[]) => unknown;
}

/** Passport's own calling form of its two registries; its types know only the registering one. */
interface Serialiser {
  serializeUser(
    user: Express.User,
    request: Request,
    done: (error: unknown, serialised?: unknown) => void,
  ): void;
  deserializeUser(
    serialised: unknown,
    request: Request,
    done: (error: unknown, user?: Express.User | false | null) => void,
  ): void;
}

/** The protected Passport instances by name; the name stands in the pending login, so it is the same on every node. */
export class Passports {
  readonly #instances = new Map<string, PassportInstance>();
  /** Which instance a request went through last, as Passport itself has it. */
  readonly #current = new WeakMap<Request, string>();

  add(name: string, passport: PassportInstance): void {
    if (this.#instances.has(name)) {
      throw new SecondFactorError(
        'configuration-invalid',
        `A Passport instance named "${name}" is protected already: call protect once for each, with a { name }.`,
      );
    }
    this.#instances.set(name, passport);
  }

  /** A forgotten `protect` would leave the gate open, and nothing would say so. */
  refuseNone(): void {
    if (this.#instances.size > 0) return;
    throw new SecondFactorError(
      'not-protected',
      'No Passport is protected: call secondFactor.protect(passport) before secondFactor.pages().',
    );
  }

  enter(request: Request, name: string): void {
    this.#current.set(request, name);
  }

  /** @throws SecondFactorError `not-protected` where the request went through no protected instance. */
  currentName(request: Request): string {
    const name = this.#current.get(request);
    if (name !== undefined) return name;
    throw new SecondFactorError(
      'not-protected',
      'This request met no protected Passport: call secondFactor.protect(passport), and mount passport.session() above the pages, the API and the guards.',
    );
  }

  get(name: string): PassportInstance {
    const passport = this.#instances.get(name);
    if (passport) return passport;
    throw new SecondFactorError('not-protected', `No Passport instance named "${name}" is protected here.`);
  }

  serialise(name: string, user: Express.User, request: Request): Promise<unknown> {
    const passport = this.get(name) as unknown as Serialiser;
    return fromHost<unknown>((done) => {
      passport.serializeUser(user, request, done);
    });
  }

  /** @returns `undefined` where the host knows no such user any more. */
  async deserialise(name: string, serialised: unknown, request: Request): Promise<Express.User | undefined> {
    const passport = this.get(name) as unknown as Serialiser;
    const user = await fromHost<Express.User | false | null>((done) => {
      passport.deserializeUser(serialised, request, done);
    });
    return user || undefined;
  }
}

/** The host's pool may wait for its database for ever. The host's own errors stay what they are. */
function fromHost<T>(run: Parameters<typeof fromCallback<T>>[0]): Promise<T> {
  const makeError = () => new SecondFactorError('user-unavailable', 'The user cannot be loaded right now.');
  return withPatience(fromCallback(run), undefined, makeError);
}
