import { type Request, type Response, Router } from 'express';
import type { SecondFactor } from 'passport-second-factor';
import { signIn } from '../authentication.js';
import { emailForm, type Errors, linkForm, readForm, resetForm, showForm } from '../forms.js';
import { endOtherAccess, type Services } from '../services.js';
import { answerLinkInvalid, answerThenMail } from './mailed-links.js';

/** A forgotten password: a link by mail to a form for a new one, which signs in. */
export function resetRoutes(services: Services, secondFactor: Pick<SecondFactor, 'passwordChanged'>): Router {
  const { users, mailTokens, sendMail, origin } = services;
  const router = Router();

  router.get('/reset', (req, res) => {
    showForm(req, res, 'reset');
  });

  router.post('/reset', async (req, res) => {
    const { fields, errors } = readForm(emailForm, req.body);
    if (errors) {
      showForm(req, res.status(400), 'reset', errors);
      return;
    }
    const user = await users.findByEmail(fields.email);
    answerThenMail(res, user, async ({ email, username }) => {
      const link = `${origin}/reset/open?token=${await mailTokens.issue('reset', email)}`;
      await sendMail({
        to: email,
        subject: 'Choose a new password',
        text: `Hello ${username},\n\nthis link lets you choose a new password. It works once, for one hour:\n\n${link}\n\nIf you did not ask for it, ignore this mail: your password stays as it is.\n`,
      });
    });
  });

  router.get('/reset/open', async (req, res) => {
    const { fields } = readForm(linkForm, req.query);
    if (fields && (await mailTokens.look('reset', fields.token)) !== undefined) show(req, res, fields.token);
    else answerLinkInvalid(res);
  });

  router.post('/reset/open', async (req, res, next) => {
    const { fields: link } = readForm(linkForm, req.body);
    if (!link) {
      answerLinkInvalid(res);
      return;
    }
    const { fields, errors } = readForm(resetForm, req.body);
    if (errors) {
      show(req, res.status(400), link.token, errors);
      return;
    }
    const email = await mailTokens.spend('reset', link.token);
    const user = email === undefined ? undefined : await users.findByEmail(email);
    if (!user) {
      answerLinkInvalid(res);
      return;
    }
    await users.setPassword(user.id, fields.password);
    // Before signing in: it ends every session and half-done login of the user, this new one as well if it came first.
    await endOtherAccess(services, secondFactor, user, req);
    signIn(req, res, next, user);
  });

  return router;
}

function show(req: Request, res: Response, linkToken: string, errors?: Errors): void {
  res.locals['linkToken'] = linkToken;
  showForm(req, res, 'reset-open', errors);
}
