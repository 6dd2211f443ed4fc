import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACR, type Claims, essential, OidcExample, Person } from './example.js';

const MINUTE = 60_000;

let example: OidcExample;
/** Somebody with a second factor. Tests that change it have somebody of their own. */
let owner: Person;
/** A browser of the owner's that is trusted. */
let trusted: Person;
beforeAll(async () => {
  example = await OidcExample.start();
  owner = await signUpWithFactor();
  trusted = await signIn({ trust: 'on' });
});
afterAll(() => example.stop());

/** Somebody new who is signed in to the shop by a password. */
async function signUp(): Promise<Person> {
  const person = new Person(example, `ada_${randomUUID().slice(0, 8)}`);
  await person.askFor();
  await person.register();
  return person;
}

async function signUpWithFactor(): Promise<Person> {
  const person = await signUp();
  await person.open(`${example.identity}/two-factor/setup`);
  await person.setUp();
  return person;
}

/** Another browser of somebody with a second factor, in which both factors were given. */
async function signIn(fields: Record<string, string> = {}, person = owner): Promise<Person> {
  const browser = person.elsewhere();
  await browser.askFor();
  await browser.givePassword();
  await browser.giveCode(fields);
  return browser;
}

/** The trusted browser, signed in anew by the password alone. */
async function signInTrusted(): Promise<Person> {
  await signOut(trusted);
  await trusted.askFor();
  await trusted.givePassword();
  return trusted;
}

async function signOut(person: Person): Promise<void> {
  await person.open(`${example.identity}/oidc/session/end`);
  await person.send('/oidc/session/end/confirm', { logout: 'yes' });
}

const oneFactor = { acr: ACR.oneFactor, amr: ['pwd'] };
const twoFactors = { acr: ACR.twoFactors, amr: ['pwd', 'otp', 'mfa'] };

/** Seconds since the last proof, as an ID token says it. */
function ageOf({ auth_time = 0 }: Claims): number {
  return Math.round(example.now() / 1000 - auth_time);
}

describe('the ID token', () => {
  it('says what a login by the password alone is worth', async () => {
    const ada = await signUp();
    expect(ada.claims).toMatchObject({ ...oneFactor, aud: 'shop', iss: `${example.identity}/oidc` });
    expect(ageOf(ada.claims)).toBeLessThan(5);
  });

  it('says two factors after a code, at the time of the code', async () => {
    const ada = owner.elsewhere();
    await ada.askFor();
    await ada.givePassword();
    expect(ada.path).toBe('/two-factor/challenge');
    await example.advance(5 * MINUTE);
    await ada.giveCode();
    expect(ada.claims).toMatchObject(twoFactors);
    expect(ageOf(ada.claims)).toBeLessThan(5);
  });

  it('says one factor in a trusted browser', async () => {
    const ada = await signInTrusted();
    expect(ada.trail).not.toContain('/two-factor/challenge');
    expect(ada.claims).toMatchObject(oneFactor);
  });

  it('comes without a question to whoever is signed in, with the level of this moment', async () => {
    const ada = await signInTrusted();
    await ada.open(`${example.identity}/two-factor/challenge?return_to=%2F`);
    await ada.giveCode();
    await ada.askFor({ prompt: 'none' });
    expect(ada.claims).toMatchObject(twoFactors);
  });
});

describe('acr_values, which are voluntary', () => {
  it('ask whoever has a second factor for it', async () => {
    const ada = await signInTrusted();
    await ada.askFor({ acr_values: ACR.twoFactors });
    expect(ada.path).toBe('/two-factor/challenge');
    await ada.giveCode();
    expect(ada.claims).toMatchObject(twoFactors);
  });

  it('sign whoever has none in all the same, without a question', async () => {
    const ada = await signUp();
    await ada.askFor({ acr_values: `${ACR.twoFactors} ${ACR.oneFactor}` });
    expect(ada.claims).toMatchObject(oneFactor);
  });

  it('ask for nothing with prompt=none', async () => {
    const ada = await signInTrusted();
    await ada.askFor({ acr_values: ACR.twoFactors, prompt: 'none' });
    expect(ada.claims).toMatchObject(oneFactor);
  });

  it('name the lower level where that is preferred: two factors are one as well', async () => {
    const ada = owner.elsewhere();
    await ada.askFor({ acr_values: ACR.oneFactor });
    await ada.givePassword();
    await ada.giveCode();
    expect(ada.claims).toMatchObject({ acr: ACR.oneFactor, amr: ['pwd', 'otp', 'mfa'] });
  });
});

describe('an essential acr', () => {
  it('is asked for until it is proven: a trusted browser does not reach it', async () => {
    const ada = await signInTrusted();
    await ada.askFor({ claims: essential(ACR.twoFactors) });
    expect(ada.path).toBe('/two-factor/challenge');
    await ada.askFor({ claims: essential(ACR.twoFactors), prompt: 'none' });
    expect(ada.refusal.error).toBe('login_required');
    await ada.askFor({ claims: essential(ACR.twoFactors) });
    await ada.giveCode();
    expect(ada.claims).toMatchObject(twoFactors);
  });

  it('is an error where the account has no second factor', async () => {
    const ada = await signUp();
    await ada.askFor({ claims: essential(ACR.twoFactors) });
    await ada.send('/interaction', {});
    expect(ada.refusal.error).toBe('unmet_authentication_requirements');
  });

  it('is reached by whoever sets a second factor up meanwhile', async () => {
    const ada = await signUp();
    await ada.askFor({ claims: essential(ACR.twoFactors) });
    await ada.open(`${ada.path}/set-up`);
    expect(ada.path).toBe('/two-factor/setup');
    await ada.setUp();
    // Its first code has proven the authenticator; the person gives the next one.
    expect(ada.path).toBe('/two-factor/challenge');
    await ada.giveCode();
    expect(ada.claims).toMatchObject(twoFactors);
  });

  it('is met by the lower of two levels that will do', async () => {
    const ada = await signUp();
    await ada.askFor({ claims: essential(ACR.twoFactors, ACR.oneFactor) });
    expect(ada.claims).toMatchObject(oneFactor);
  });

  it('is an error where nobody here knows the level', async () => {
    const ada = await signUp();
    await ada.askFor({ claims: essential('urn:example:five-factors') });
    expect(ada.refusal.error).toBe('unmet_authentication_requirements');
  });
});

describe('max_age', () => {
  it('asks for a proof where the last one is older, and for none where it is not', async () => {
    const ada = await signIn();
    const before = ada.claims.auth_time;
    await example.advance(MINUTE);
    await ada.askFor({ max_age: '600' });
    expect(ada.claims.auth_time).toBe(before);
    await ada.askFor({ max_age: '30' });
    expect(ada.path).toBe('/two-factor/challenge');
    await ada.giveCode();
    expect(ada.claims).toMatchObject(twoFactors);
    expect(ageOf(ada.claims)).toBeLessThan(5);
  });

  it('asks whoever has no second factor for the password', async () => {
    const ada = await signUp();
    await example.advance(MINUTE);
    await ada.askFor({ max_age: '30' });
    await ada.proveByPassword();
    expect(ada.claims).toMatchObject(oneFactor);
    expect(ageOf(ada.claims)).toBeLessThan(5);
  });
});

describe('prompt=login', () => {
  it('asks again, however young the login is', async () => {
    const ada = await signIn();
    await ada.askFor({ prompt: 'login' });
    expect(ada.path).toBe('/two-factor/challenge');
    await ada.giveCode();
    expect(ada.claims).toMatchObject(twoFactors);
    expect(ageOf(ada.claims)).toBeLessThan(5);
  });

  it('does not ask twice whoever signs in for it', async () => {
    const ada = (await signUp()).elsewhere();
    await ada.askFor({ prompt: 'login' });
    await ada.givePassword();
    expect(ada.claims).toMatchObject(oneFactor);
  });
});

describe('a protected resource (RFC 9470)', () => {
  it('says 401 insufficient_user_authentication, and lets in after the step-up', async () => {
    const ada = await signInTrusted();
    await ada.open(`${example.shop}/transfer`);
    expect(ada.path).toBe('/two-factor/challenge');
    await ada.giveCode();
    expect(ada.path).toBe('/transfer');
    expect(ada.text).toContain('transferred');
    await ada.open(`${example.shop}/transfer`);
    expect(ada.trail).toEqual(['/transfer']);
  });

  it('wants a recent login', async () => {
    const ada = await signIn();
    await example.advance(6 * MINUTE);
    await ada.open(`${example.shop}/transfer`);
    expect(ada.path).toBe('/two-factor/challenge');
    await ada.giveCode();
    expect(ada.text).toContain('transferred');
  });

  it('does not go round in a circle for whoever has no second factor', async () => {
    const ada = await signUp();
    await ada.open(`${example.shop}/transfer`);
    expect([ada.status, ada.path]).toEqual([403, '/transfer']);
  });

  it('says what it wants, and the client asks for just that', async () => {
    const ada = await signUp();
    const { status, headers } = await fetch(`${example.shop}/api/transfer`);
    expect([status, headers.get('WWW-Authenticate')]).toEqual([401, 'Bearer']);
    await ada.open(`${example.shop}/transfer`, `${example.identity}/oidc/auth`);
    const { searchParams } = new URL(ada.url);
    expect([searchParams.get('acr_values'), searchParams.get('max_age')]).toEqual([ACR.twoFactors, '300']);
  });
});

describe('R7 what was issued before a security change', () => {
  /** Ends every other session of this person. */
  async function signOutElsewhere(person: Person): Promise<void> {
    await person.open(`${example.identity}/two-factor`);
    await person.send('/two-factor/sign-out-elsewhere');
  }

  /** Two browsers with the second factor proven in each. */
  async function signInTwice(): Promise<[Person, Person]> {
    return [await signIn(), await signIn()];
  }

  it('renews no token, though the provider’s own session goes on', async () => {
    const [ada, thief] = await signInTwice();
    await thief.open(`${example.shop}/renew`);
    expect(thief.claims).toMatchObject(twoFactors);
    await signOutElsewhere(ada);
    await thief.open(`${example.shop}/renew`);
    expect(thief.refusal.error).toBe('invalid_grant');
  });

  it('is no active access token', async () => {
    const [ada, thief] = await signInTwice();
    await thief.open(`${example.shop}/transfer`);
    expect(thief.text).toContain('transferred');
    await signOutElsewhere(ada);
    await thief.open(`${example.shop}/transfer`);
    expect(thief.path).toBe('/login');
  });

  it('signs nobody in again without the password', async () => {
    const [ada, thief] = await signInTwice();
    await signOutElsewhere(ada);
    await thief.askFor({ prompt: 'none' });
    expect(thief.refusal.error).toBe('login_required');
    await thief.askFor();
    expect(thief.path).toBe('/login');
  });

  it('is no authorisation code either', async () => {
    const [ada, thief] = await signInTwice();
    await thief.askFor({}, `${example.shop}/callback`);
    const callback = thief.url;
    await signOutElsewhere(ada);
    await thief.open(callback);
    expect(thief.refusal.error).toBe('invalid_grant');
  });

  it('ends in the browser of the change too, which goes on by a new request', async () => {
    const [ada] = await signInTwice();
    await signOutElsewhere(ada);
    await ada.open(`${example.shop}/renew`);
    expect(ada.refusal.error).toBe('invalid_grant');
    await ada.askFor({ prompt: 'none' });
    expect(ada.claims).toMatchObject(twoFactors);
    await ada.open(`${example.shop}/renew`);
    expect(ada.claims).toMatchObject(twoFactors);
  });

  it('says nothing of a second factor that was turned off', async () => {
    const ada = await signUpWithFactor();
    const other = await signIn({}, ada);
    await ada.open(`${example.identity}/two-factor/disable`);
    await example.advance(30_000);
    await ada.send('/two-factor/disable', { code: ada.code() });
    await other.open(`${example.shop}/renew`);
    expect(other.refusal.error).toBe('invalid_grant');
    await other.askFor();
    await other.givePassword();
    expect(other.claims).toMatchObject(oneFactor);
  });
});

describe('one browser', () => {
  it('is signed out everywhere by signing out at the provider', async () => {
    const ada = await signUp();
    await signOut(ada);
    await ada.askFor();
    expect(ada.path).toBe('/login');
  });

  it('gives another person tokens of their own', async () => {
    const ada = await signUp();
    const before = ada.claims.sub;
    await ada.open(`${example.identity}/login`);
    await ada.send('/register', { name: `bob_${randomUUID().slice(0, 8)}`, password: 'another password' });
    await ada.askFor();
    // What the provider's page sends by script: the login of before ends.
    await ada.send('/oidc/session/end/confirm');
    expect(ada.claims).toMatchObject(oneFactor);
    expect(ada.claims.sub).not.toBe(before);
  });

  it('brings a login that was half way to the client that asks now', async () => {
    const ada = owner.elsewhere();
    await ada.open(`${example.identity}/login`);
    await ada.givePassword();
    expect(ada.path).toBe('/two-factor/challenge');
    await ada.askFor();
    expect(ada.path).toBe('/two-factor/challenge');
    await ada.giveCode();
    expect(ada.claims).toMatchObject(twoFactors);
  });

  it('gets no token without the code', async () => {
    const ada = owner.elsewhere();
    await ada.askFor();
    await ada.givePassword();
    await ada.askFor({ prompt: 'none' });
    expect(ada.refusal.error).toBe('login_required');
  });
});
