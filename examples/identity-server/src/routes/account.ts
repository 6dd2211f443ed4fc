import { Router, type Request } from 'express';
import { requireLogin } from '../authentication.js';
import { passwordForm, readForm, showForm } from '../forms.js';
import type { Users } from '../users.js';

/** What the account asks of the second factor. */
export interface PasswordWatch {
  passwordChanged(userId: string, req: Request): Promise<unknown>;
}

export function accountRoutes(users: Users, secondFactor: PasswordWatch): Router {
  const router = Router();

  router.get('/account', requireLogin, (req, res) => {
    res.locals['user'] = req.user;
    res.locals['isPasswordChanged'] = req.query['password'] === 'changed';
    showForm(req, res, 'account');
  });

  router.get('/account/password', requireLogin, (req, res) => {
    showForm(req, res, 'password');
  });

  router.post('/account/password', requireLogin, async (req, res) => {
    const { fields, errors } = readForm(passwordForm, req.body);
    if (errors) {
      showForm(req, res.status(400), 'password', errors);
      return;
    }
    const { id } = signedIn(req);
    if (!(await users.changePassword(id, fields.current, fields.password))) {
      showForm(req, res.status(401), 'password', { current: 'This is not your password.' });
      return;
    }
    // In this order: a login with the old password in between must not outlive the change.
    await secondFactor.passwordChanged(id, req);
    res.redirect('/account?password=changed');
  });

  return router;
}

function signedIn(req: Request): Express.User {
  if (!req.user) throw new Error('This route needs requireLogin before it.');
  return req.user;
}
