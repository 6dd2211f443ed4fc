import { Redis } from 'ioredis';
import { createSecondFactor, type SecondFactorOptions } from 'passport-second-factor';
import type { Application, Place } from '../contender.js';
import { openStorage } from '../sql.js';
import { addAccount, createSite, type User } from './express.js';

/** This package, everything on. With `cached epochs` they are read from Redis. */
export async function build(place: Place, count: () => void): Promise<Application> {
  const redis = new Redis(place.redis);
  const options: SecondFactorOptions = {
    issuer: 'Bench',
    origin: 'http://localhost',
    storage: await openStorage(place, count),
    keys: [{ id: 'bench', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7)) }],
    user: { id: (user) => (user as User).id, label: (user) => (user as User).id },
    paths: { home: '/account' },
    ...(place.options.includes('cached epochs') && { epochs: { redis } }),
  };
  const secondFactor = createSecondFactor(options);
  await secondFactor.ready();
  const { app, password } = createSite(redis, (passport) => secondFactor.protect(passport));
  app.post('/login', password, (_request, response) => response.redirect('/account'));
  app.use('/two-factor', secondFactor.pages());
  addAccount(app);
  return {
    listener: app,
    face: 'forms',
    async enrol(name) {
      const { enrolUser } = await import('passport-second-factor/testing');
      return (await enrolUser(options, name)).secret;
    },
  };
}
