import type { Request } from 'express';
import { Redis } from 'ioredis';
import { verify } from 'otplib';
import type { Application, Place } from '../contender.js';
import { addAccount, codePage, createSite, type User } from './express.js';
import { openSecrets } from './secrets.js';

declare module 'express-session' {
  interface SessionData {
    owesCode?: boolean;
  }
}

/**
 * The second step as people write it: a secret in a column, a flag in the session, otplib in between. It counts no guesses, accepts a code
 * twice, seals nothing, renews no session and checks no form.
 */
export async function build(place: Place, count: () => void): Promise<Application> {
  const { find, enrol } = await openSecrets(place, count);
  const { app, password } = createSite(new Redis(place.redis));
  const idOf = (request: Request): string => (request.user as User).id;
  app.post('/login', password, async (request, response) => {
    request.session.owesCode = (await find(idOf(request))) !== undefined;
    response.redirect(request.session.owesCode ? '/challenge' : '/account');
  });
  app.get('/challenge', (_request, response) => void response.send(codePage));
  app.post('/challenge', async (request, response) => {
    const secret = await find(idOf(request));
    const { code } = request.body as { code: string };
    const isRight = secret && (await verify({ secret, token: code, epochTolerance: 30 })).valid;
    if (isRight) request.session.owesCode = false;
    response.redirect(isRight ? '/account' : '/challenge');
  });
  addAccount(app, (request, response, next) => {
    if (request.session.owesCode) response.redirect('/challenge');
    else next();
  });
  return { listener: app, face: 'forms', enrol };
}
