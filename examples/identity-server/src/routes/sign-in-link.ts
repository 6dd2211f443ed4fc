import { Router } from 'express';
import { signIn, skipIfLoggedIn } from '../authentication.js';
import { emailForm, linkForm, readForm, showForm } from '../forms.js';
import type { Services } from '../services.js';
import { answerLinkInvalid, answerThenMail } from './mailed-links.js';

/** A link by mail that signs in. Nothing here knows of the second factor. */
export function signInLinkRoutes({ users, mailTokens, sendMail, origin }: Services): Router {
  const router = Router();

  router.get('/login/link', skipIfLoggedIn, (req, res) => {
    showForm(req, res, 'sign-in-link');
  });

  router.post('/login/link', skipIfLoggedIn, async (req, res) => {
    const { fields, errors } = readForm(emailForm, req.body);
    if (errors) {
      showForm(req, res.status(400), 'sign-in-link', errors);
      return;
    }
    const user = await users.findByEmail(fields.email);
    answerThenMail(res, user, async ({ email, username }) => {
      const link = `${origin}/login/link/open?token=${await mailTokens.issue('sign-in', email)}`;
      await sendMail({
        to: email,
        subject: 'Your sign-in link',
        text: `Hello ${username},\n\nthis link signs you in. It works once, for 15 minutes:\n\n${link}\n\nIf you did not ask for it, ignore this mail.\n`,
      });
    });
  });

  // Mail scanners and previews open links: only the button uses one up.
  router.get('/login/link/open', async (req, res) => {
    const { fields } = readForm(linkForm, req.query);
    const email = fields && (await mailTokens.look('sign-in', fields.token));
    const user = email === undefined ? undefined : await users.findByEmail(email);
    if (!fields || !user) {
      answerLinkInvalid(res);
      return;
    }
    // The name is shown: somebody may have sent a link into *their* account.
    Object.assign(res.locals, { username: user.username, linkToken: fields.token });
    showForm(req, res, 'sign-in-link-open');
  });

  router.post('/login/link/open', async (req, res, next) => {
    const { fields } = readForm(linkForm, req.body);
    const email = fields && (await mailTokens.spend('sign-in', fields.token));
    const user = email === undefined ? undefined : await users.findByEmail(email);
    if (user) signIn(req, res, next, user);
    else answerLinkInvalid(res);
  });

  return router;
}
