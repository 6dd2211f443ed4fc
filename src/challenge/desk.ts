import type { Request } from 'express';
import { readSource } from '../http/source.js';
import { makePending, pendingKey } from '../login/pending.js';
import { enrolmentRequired, type LoginDesk } from '../login/desk.js';
import type { Gate } from '../login/gate.js';
import { refuseImpersonation } from '../login/host-rules.js';
import { detachSession, expireLogin, forgetLogin, type PendingLogin } from '../login/session.js';
import type { Stamp } from '../login/stamp.js';
import type { Lane } from '../model.js';
import { refuseIfRequired } from '../policy/rule.js';
import { STEP_UP_LIFETIME } from '../limits.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';
import type { Browsers } from '../trusted-browser/desk.js';
import { type Answer, parseAnswer } from './answer.js';
import { describeFailure } from './messages.js';
import type { Failure, Outcome, Refusal } from './outcome.js';
import type { Challenge, ChallengeFlow, Client } from './flow.js';

/** An outcome in a request; after `accepted` the user is the one to pass to `req.logIn`. */
export type Answered =
  /** `message` says it to a person, also as Passport's `failureFlash` and `failureMessage`. */
  (Failure & { message: string }) | Accepted;

type Accepted = Extract<Outcome, { kind: 'accepted' }> & {
  user: Express.User;
  /** Where the pending login was on its way to; `undefined` after a step-up. */
  returnTo: string | undefined;
};

/**
 * The challenge in a request: finds what the session has open, has the flow look at the answer, and brings the session
 * in line with the outcome. A right answer lets the request's next `req.logIn` of that user complete the login.
 */
export class ChallengeDesk {
  readonly #gate: Gate;
  readonly #logins: LoginDesk;
  readonly #flow: ChallengeFlow;
  readonly #settings: Settings;
  readonly #storage: Storage;
  readonly #browsers: Browsers;

  constructor(
    gate: Gate,
    logins: LoginDesk,
    flow: ChallengeFlow,
    settings: Settings,
    storage: Storage,
    browsers: Browsers,
  ) {
    this.#gate = gate;
    this.#logins = logins;
    this.#flow = flow;
    this.#settings = settings;
    this.#storage = storage;
    this.#browsers = browsers;
  }

  /**
   * Answers this session's pending login, or gives a fresh proof in its complete one.
   * @throws SecondFactorError `enrolment-required` where the login waits for a second factor to be set up.
   */
  async answer(request: Request, input: string, lane?: Lane): Promise<Answered> {
    const outcome = await this.#answer(request, input, lane);
    if (outcome.kind === 'accepted') return outcome;
    const { clock, wordsFor } = this.#settings;
    return { ...outcome, message: describeFailure(outcome, clock(), wordsFor(request)).text };
  }

  async #answer(request: Request, input: string, lane?: Lane): Promise<Accepted | Failure> {
    const answer = parseAnswer(input);
    if ('kind' in answer) return answer;
    if (lane !== undefined && answer.lane !== lane) return { kind: 'malformed' };
    const state = this.#gate.state(request);
    switch (state.kind) {
      case 'pending':
        return this.#answerLogin(request, state.pending, answer);
      case 'complete': {
        const outcome = await this.#answerStepUp(request, state.stamp, answer, 'complete');
        if (outcome.kind !== 'accepted') return outcome;
        this.#logins.completions.allowRenewal(request, state.stamp, { method: answer.lane });
        return { ...outcome, user: state.user, returnTo: undefined };
      }
      case 'enrolling':
        throw enrolmentRequired();
      case 'expired':
        expireLogin(request, state.pending);
        return { kind: 'expired' };
      case 'anonymous':
        return { kind: 'expired' };
    }
  }

  /**
   * Does what a right answer allows; after that of a login, trusts this browser where the person wants it: never after a step-up, and
   * never after a support code, which is good for one login.
   * @returns whether this browser is trusted from now on.
   */
  async complete(
    request: Request,
    { user, lane, epoch, backupCodesLeft, returnTo }: Accepted,
    wantsTrust: boolean,
  ): Promise<boolean> {
    await this.#logins.logIn(request, user, {});
    const isSupportCode = lane === 'backup-code' && backupCodesLeft === undefined;
    if (!wantsTrust || returnTo === undefined || isSupportCode) return false;
    const owner = { userId: this.#gate.userId(user), epoch };
    return this.#browsers.trusted.trust(request, user, owner);
  }

  /**
   * Turns the second factor off with one answer, which proves and is used up in the same transaction.
   * @throws SecondFactorError `removal-refused` where the user must have one.
   */
  async disable(
    request: Request,
    { user, stamp }: { user: Express.User; stamp: Stamp },
    input: unknown,
  ): Promise<Outcome | Failure> {
    await refuseIfRequired(this.#settings, user);
    const answer = parseAnswer(input);
    if ('kind' in answer) return answer;
    const outcome = await this.#answerStepUp(request, stamp, answer, 'disable');
    if (outcome.kind !== 'accepted') return outcome;
    await this.#logins.renew(request, { user, stamp }, { method: answer.lane, epoch: outcome.epoch });
    return outcome;
  }

  /** A fresh proof of the first factor, for somebody without a second one. */
  async answerPassword(
    request: Request,
    { user, stamp }: { user: Express.User; stamp: Stamp },
    password: string,
  ): Promise<Refusal | { kind: 'proven' }> {
    const isRight = async (): Promise<boolean> => {
      const verdict: unknown = await this.#settings.user.checkPassword?.(user, password);
      return verdict === true;
    };
    const challenge = await this.#openStepUp(stamp);
    const outcome = await this.#flow.answerPassword(challenge, isRight, readSource(request));
    await this.#settle(request, outcome);
    if (outcome.kind !== 'proven') return outcome;
    await this.#logins.renew(request, { user, stamp }, { method: 'pwd' });
    return outcome;
  }

  async #answerLogin(request: Request, pending: PendingLogin, answer: Answer): Promise<Accepted | Failure> {
    // First, so that a failing serialiser costs no code.
    const user = await this.#gate.findPendingUser(request, pending);
    if (!user) {
      forgetLogin(request);
      return { kind: 'expired' };
    }
    const challenge = { ...pendingKey('login', pending), expiresAt: pending.expiresAt };
    const outcome = await this.#flow.answer(challenge, answer, 'complete', this.#client(request, pending));
    if (outcome.kind === 'accepted') {
      this.#logins.completions.allowCompletion(request, pending, { method: answer.lane });
      return { ...outcome, user, returnTo: pending.returnTo };
    }
    // Another request has renewed the session: what this one would save must not take it away.
    if (outcome.kind === 'completed') detachSession(request);
    if (isOver(outcome)) {
      forgetLogin(request);
      await this.#logins.abandon(request);
    }
    return outcome;
  }

  async #answerStepUp(
    request: Request,
    stamp: Stamp,
    answer: Answer,
    effect: 'complete' | 'disable',
  ): Promise<Outcome> {
    const challenge = await this.#openStepUp(stamp);
    const outcome = await this.#flow.answer(challenge, answer, effect, this.#client(request, stamp));
    await this.#settle(request, outcome);
    return outcome;
  }

  #client(request: Request, { userId }: { userId: string }): Client {
    return { ...readSource(request), isKnown: this.#browsers.known.isKnown(request, userId) };
  }

  /** Brings a complete session in line with what an answer has led to. */
  async #settle(request: Request, { kind }: Outcome | { kind: 'proven' }): Promise<void> {
    // Another request was faster, with a proof or with a change: its session goes on, not this one's.
    if (kind === 'completed' || kind === 'expired') detachSession(request);
    // Guessing inside a stolen session ends that session (R4).
    if (kind === 'exhausted') await this.#logins.logOut(request, false);
  }

  /** One row a session, whatever is being proven in it, so that changing the page buys no further guesses. */
  async #openStepUp(stamp: Stamp): Promise<Challenge> {
    // Who acts as somebody else has nothing to prove there, and could only guess.
    if (stamp.impersonator) throw refuseImpersonation();
    const now = this.#settings.clock();
    const key = pendingKey('step-up', stamp);
    const fresh = { ...makePending(key, null, now), expiresAt: now + STEP_UP_LIFETIME };
    const { expiresAt } = await this.#storage.openPending(fresh, now);
    return { ...key, expiresAt };
  }
}

function isOver(outcome: Outcome): boolean {
  return (
    outcome.kind === 'exhausted' ||
    outcome.kind === 'suspected' ||
    outcome.kind === 'expired' ||
    (outcome.kind === 'delayed' && outcome.isOver)
  );
}
