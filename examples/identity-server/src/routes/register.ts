import { Router } from 'express';
import { signIn, skipIfLoggedIn } from '../authentication.js';
import { readForm, registerForm, showForm } from '../forms.js';
import type { Users } from '../users.js';

const taken = {
  username: 'This user name is taken. Choose another one.',
  email: 'This email address has an account already. Sign in instead.',
};

/** Registration signs in at once. A real service sends a letter to the address first. */
export function registerRoutes(users: Users): Router {
  const router = Router();

  router.get('/register', skipIfLoggedIn, (req, res) => {
    showForm(req, res, 'register');
  });

  router.post('/register', skipIfLoggedIn, async (req, res, next) => {
    const { fields, errors } = readForm(registerForm, req.body);
    if (errors) {
      showForm(req, res.status(400), 'register', errors);
      return;
    }
    const user = await users.create(fields);
    if (typeof user === 'string') {
      showForm(req, res.status(409), 'register', { [user]: taken[user] });
      return;
    }
    signIn(req, res, next, user);
  });

  return router;
}
