// The options of createSecondFactor, for the application and for `npx second-factor`.
import { sqlStorage } from 'passport-second-factor';
import { allUsers, checkPassword, openDatabase } from '../users.js';

const database = openDatabase(); // a connection of its own

export default {
  issuer: 'Example',
  origin: process.env.ORIGIN ?? 'http://localhost:3000',
  storage: sqlStorage.sqlite(database),
  keys: [{ id: '2026-11', secret: process.env.TWO_FACTOR_KEY ?? '' }], // openssl rand -base64 32
  user: { id: (user) => String(user.id), label: (user) => user.username, checkPassword },
  paths: { home: '/account' },

  // Both come out when the old table is deleted.
  legacy: {
    findFactor: (user) =>
      user.totp_enabled ? { secret: user.totp_secret, name: 'Authenticator app' } : null,
  },
  languages: {
    texts: {
      en: {
        messages: {
          answers: {
            malformed:
              'Enter the 6 digits from your authenticator app. Backup codes from before the move no longer work: once you are signed in, get new ones under “Two-step sign-in”. Without your phone, write to support@service.example.',
          },
        },
      },
    },
  },
};

export const users = allUsers;

export const close = () => database.close();
