import { type Request, type Response, Router } from 'express';
import { requireLogin, signedIn, signIn } from '../authentication.js';
import { emailForm, type Errors, invitationForm, linkForm, readForm, showForm } from '../forms.js';
import type { Services } from '../services.js';
import { answerLinkInvalid } from './mailed-links.js';

/**
 * An invitation by mail. Whoever opens its link reads the mail of the invited address: an account with that address is signed
 * in, else one is made. The account's own address was written to, so an invitation opens nobody else's account.
 */
export function invitationRoutes({ users, mailTokens, sendMail, origin }: Services): Router {
  const router = Router();

  router.get('/account/invite', requireLogin, (req, res) => {
    showForm(req, res, 'invite');
  });

  router.post('/account/invite', requireLogin, async (req, res) => {
    const { fields, errors } = readForm(emailForm, req.body);
    if (errors) {
      showForm(req, res.status(400), 'invite', errors);
      return;
    }
    // Without a look at who has an account: the person who invites is not told.
    const link = `${origin}/invite?token=${await mailTokens.issue('invitation', fields.email)}`;
    await sendMail({
      to: fields.email,
      subject: 'You are invited',
      text: `Hello,\n\n${signedIn(req).username} invites you. This link works once, for 7 days:\n\n${link}\n`,
    });
    const text = `We have sent an invitation to ${fields.email}.`;
    res.render('message', { title: 'Invitation sent', text, detail: '' });
  });

  router.get('/invite', async (req, res) => {
    const { fields } = readForm(linkForm, req.query);
    const email = fields && (await mailTokens.look('invitation', fields.token));
    if (!fields || email === undefined) answerLinkInvalid(res);
    else show(req, res, fields.token, await users.findByEmail(email));
  });

  router.post('/invite', async (req, res, next) => {
    const { fields: link } = readForm(linkForm, req.body);
    const email = link && (await mailTokens.look('invitation', link.token));
    if (!link || email === undefined) {
      answerLinkInvalid(res);
      return;
    }
    const known = await users.findByEmail(email);
    const user = known
      ? (await mailTokens.spend('invitation', link.token)) && known
      : await join(req, res, link.token, email);
    if (user === 'answered') return;
    if (user) signIn(req, res, next, user);
    else answerLinkInvalid(res);
  });

  /** Of several requests at once one creates the account, because addresses are unique: that uses the link up. */
  async function join(
    req: Request,
    res: Response,
    token: string,
    email: string,
  ): Promise<Express.User | 'answered' | undefined> {
    const { fields, errors } = readForm(invitationForm, req.body);
    if (errors) {
      show(req, res.status(400), token, undefined, errors);
      return 'answered';
    }
    const user = await users.create({ ...fields, email });
    if (user === 'email') return undefined;
    if (user === 'username') {
      const taken = { username: 'This user name is taken. Choose another one.' };
      show(req, res.status(409), token, undefined, taken);
      return 'answered';
    }
    await mailTokens.spend('invitation', token);
    return user;
  }

  return router;
}

function show(
  req: Request,
  res: Response,
  linkToken: string,
  user: Express.User | undefined,
  errors?: Errors,
): void {
  Object.assign(res.locals, { linkToken, username: user?.username });
  showForm(req, res, 'invitation', errors);
}
