import type { Request, RequestHandler } from 'express';
import { Redis } from 'ioredis';
import { Strategy } from 'passport-totp';
import type { Application, Place } from '../contender.js';
import { addAccount, codePage, createSite, type User } from './express.js';
import { openSecrets } from './secrets.js';

declare module 'express-session' {
  interface SessionData {
    hasGivenCode?: boolean;
  }
}

/** As its own example has it: the password logs in, its strategy checks the code, a flag in the session says so. */
export async function build(place: Place, count: () => void): Promise<Application> {
  const { find, enrol } = await openSecrets(place, count);
  const { app, passport, password } = createSite(new Redis(place.redis));
  passport.use(
    new Strategy((user, done) => {
      find((user as User).id).then((secret) => done(null, secret, 30), done);
    }),
  );
  const idOf = (request: Request): string => (request.user as User).id;
  app.post('/login', password, async (request, response) => {
    response.redirect((await find(idOf(request))) ? '/challenge' : '/account');
  });
  app.get('/challenge', (_request, response) => void response.send(codePage));
  app.post(
    '/challenge',
    passport.authenticate('totp', { failureRedirect: '/challenge' }) as RequestHandler,
    (request, response) => {
      request.session.hasGivenCode = true;
      response.redirect('/account');
    },
  );
  addAccount(app, (request, response, next) => {
    if (request.session.hasGivenCode) next();
    else response.redirect('/challenge');
  });
  return { listener: app, face: 'forms', enrol };
}
