// What `npm run matrix` compiles against the packed tarball, as strict as TypeScript is.
import express from 'express';
import session from 'express-session';
import Database from 'libsql';
import passport from 'passport';
import { createSecondFactor, type SecondFactorOptions, sqlStorage } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';

const user: SecondFactorOptions['user'] = { id: () => 'ada', label: () => 'ada@service.example' };
const secondFactor = createSecondFactor({
  issuer: 'Matrix',
  origin: 'http://localhost:3000',
  storage: sqlStorage.sqlite(new Database(':memory:')),
  keys: [{ id: 'one', secret: new Uint8Array(32) }],
  user,
});

export const app = express();
app.use(session({ secret: totpCode(new Uint8Array(20), 0), resave: false, saveUninitialized: false }));
secondFactor.protect(passport);
app.use(passport.session());
app.use('/two-factor', secondFactor.pages());
app.use('/api/v1/two-factor', secondFactor.api());
