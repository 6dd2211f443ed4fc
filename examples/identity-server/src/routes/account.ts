import { Router } from 'express';
import type { SecondFactor } from 'passport-second-factor';
import { requireLogin, signedIn } from '../authentication.js';
import { passwordForm, readForm, showForm } from '../forms.js';
import { endOtherAccess, type Services } from '../services.js';

export function accountRoutes(
  services: Services,
  secondFactor: Pick<SecondFactor, 'passwordChanged'>,
): Router {
  const { users } = services;
  const router = Router();

  router.get('/account', requireLogin, (req, res) => {
    res.locals['user'] = req.user;
    res.locals['isAdministrator'] = services.isAdministrator(signedIn(req));
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
    const user = signedIn(req);
    if (!(await users.changePassword(user.id, fields.current, fields.password))) {
      showForm(req, res.status(401), 'password', { current: 'This is not your password.' });
      return;
    }
    // In this order: a login with the old password in between must not outlive the change.
    await endOtherAccess(services, secondFactor, user, req);
    res.redirect('/account?password=changed');
  });

  return router;
}
