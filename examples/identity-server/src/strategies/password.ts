import { Strategy } from 'passport-local';
import type { Users } from '../users.js';

/** A user name and a password, from a form. */
export function passwordStrategy(users: Users): Strategy {
  return new Strategy((username, password, done) => {
    users.findByPassword(username, password).then((user) => {
      done(null, user ?? false);
    }, done);
  });
}
