// One cell of `npm run matrix`: a small application as it stands in a folder where the packed tarball is installed, and somebody with
// a browser who uses it. Sessions and epochs are in the Redis of REDIS_URL. Ends with 0 if everything went as it must.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import Database from 'libsql';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import { createSecondFactor, sqlStorage } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';

const prefix = `matrix:${randomUUID()}:`;
const redis = await connect(process.env.CLIENT, process.env.REDIS_URL);
const user = { id: '1', email: 'ada@service.example', password: 'ada has a long password' };

passport.use(
  new LocalStrategy({ usernameField: 'email' }, (email, password, done) =>
    done(null, email === user.email && password === user.password ? user : false),
  ),
);
passport.serializeUser((one, done) => done(null, one.id));
passport.deserializeUser((id, done) => done(null, id === user.id ? user : false));

const secondFactor = createSecondFactor({
  issuer: 'Matrix',
  origin: 'http://localhost:3000',
  storage: sqlStorage.sqlite(new Database(':memory:')),
  keys: [{ id: 'one', secret: randomBytes(32) }],
  user: { id: (one) => one.id, label: (one) => one.email },
  paths: { home: '/account' },
  epochs: { redis, prefix: `${prefix}epoch:` },
});
await secondFactor.ready();

const app = express();
app.use(
  session({
    store: new RedisStore({ client: redis, prefix: `${prefix}session:` }),
    secret: 'not a secret',
    resave: false,
    saveUninitialized: false,
  }),
);
secondFactor.protect(passport);
app.use(passport.session());
app.use('/two-factor', secondFactor.pages());
app.use('/api/v1/two-factor', secondFactor.api());
app.post(
  '/login',
  express.urlencoded({ extended: false }),
  passport.authenticate('local', { successRedirect: '/account', failureRedirect: '/login' }),
);
app.get('/account', (req, res) => {
  if (req.isAuthenticated()) res.json({ email: req.user.email, amr: req.secondFactor.amr });
  else res.redirect('/login');
});
app.post('/logout', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/login')));
});

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
try {
  await use(`http://127.0.0.1:${server.address().port}`);
} finally {
  server.closeAllConnections();
  server.close();
  await secondFactor.close();
  await (redis.close?.() ?? redis.quit());
}

async function connect(client, url) {
  if (client === 'ioredis') return new (await import('ioredis')).Redis(url);
  const { createClient } = await import('redis');
  return createClient({ url }).connect();
}

/** Everything that a person does, with what has to come of it. */
async function use(base) {
  const first = openBrowser(base);
  assert.equal(await first.account(), undefined, 'nobody is signed in');
  assert.equal((await first.signIn('a wrong password')).location, '/login');
  assert.equal((await first.signIn()).location, '/account');
  assert.deepEqual((await first.account()).amr, ['pwd']);

  const setUp = await first.get('/two-factor/setup');
  const key = /id="setup-key">([^<]+)</.exec(setUp.text)[1];
  const code = (steps) => totpCode(key, Date.now() + steps * 30_000);
  await first.submit('/two-factor/setup', { code: code(0) });
  const { text } = await first.get('/two-factor/backup-codes');
  const backupCodes = [...text.matchAll(/class="backup-code">([^<]+)</g)].map(([, one]) => one);
  assert.equal(backupCodes.length, 10, 'ten backup codes');
  await first.submit('/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes');
  await first.post('/logout', {});
  assert.equal(await first.account(), undefined, 'logged out');

  const second = openBrowser(base);
  assert.equal((await second.signIn()).location, '/two-factor/challenge', 'the login is held');
  assert.equal(await second.account(), undefined, 'nobody is signed in while it is');
  assert.equal((await second.answer('000000')).status, 422, 'a wrong code');
  const right = code(1);
  assert.equal((await second.answer(right)).location, '/account', 'a right code');
  assert.deepEqual((await second.account()).amr, ['pwd', 'otp', 'mfa']);

  // Filled in beside an answer, unless Redis was slow just then: what it has left then would stand in the way for 30 s.
  let epoch = '';
  for (let tries = 0; !/^\d+$/.test(epoch) && tries < 50; tries += 1) {
    await redis.del(`${prefix}epoch:${user.id}`);
    await second.account();
    await setTimeout(tries * 10);
    epoch = (await redis.get(`${prefix}epoch:${user.id}`)) ?? '';
  }
  assert.match(epoch, /^\d+$/, 'the epoch is cached');

  const third = openBrowser(base);
  assert.equal((await third.signIn()).location, '/two-factor/challenge');
  assert.equal((await third.answer(right)).status, 422, 'a code works once');
  await third.answer(backupCodes[0]);
  assert.ok(await third.account(), 'a backup code signs in');

  const status = await second.get('/api/v1/two-factor/status/1');
  assert.equal(JSON.parse(status.text).backup_codes?.left, 9, 'the JSON API answers');
  await secondFactor.revoke(user.id);
  for (const browser of [second, third])
    assert.equal(await browser.account(), undefined, 'a raised epoch ends every session at once');
}

/** A browser in a few lines: cookies, redirects that are looked at, forms with everything hidden in them. */
function openBrowser(base) {
  const cookies = new Map();

  async function send(path, init = {}) {
    const response = await fetch(base + path, {
      ...init,
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    return {
      status: response.status,
      location: response.headers.get('location'),
      text: await response.text(),
    };
  }

  const get = (path) => send(path);
  const post = (path, fields) => send(path, { method: 'POST', body: new URLSearchParams(fields) });

  async function submit(path, fields, page = path) {
    const { text } = await get(page);
    const forms = [...text.matchAll(/<form\b[^>]*action="([^"]*)"[^>]*>([^]*?)<\/form>/g)];
    const [, , form] = forms.find(([, action]) => action.split('?')[0] === path);
    const inputs = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
    return post(path, { ...Object.fromEntries(inputs.map(([, name, value]) => [name, value])), ...fields });
  }

  return {
    get,
    post,
    submit,
    signIn: (password = user.password) => post('/login', { email: user.email, password }),
    answer: (code) => submit('/two-factor/challenge', { code }),
    async account() {
      const { status, text } = await get('/account');
      return status === 200 ? JSON.parse(text) : undefined;
    },
  };
}
