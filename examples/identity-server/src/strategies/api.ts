import { BasicStrategy } from 'passport-http';
import { Strategy as BearerStrategy } from 'passport-http-bearer';
import type { AccessTokens } from '../access-tokens.js';
import type { Users } from '../users.js';

const realm = 'Identity server example';

/** User name and password with every request. passport-http cuts a password off at its first colon. */
export function basicStrategy(users: Users): BasicStrategy {
  return new BasicStrategy({ realm }, (username: string, password: string, done) => {
    users.findByPassword(username, password).then((user) => {
      done(null, user ?? false);
    }, done);
  });
}

/** A personal access token with every request. */
export function bearerStrategy(tokens: AccessTokens, users: Users): BearerStrategy {
  const find = async (token: unknown): Promise<Express.User | undefined> => {
    // The strategy takes it from the query and the body too, where it may be a list.
    const id = typeof token === 'string' ? await tokens.findUserId(token) : undefined;
    return id === undefined ? undefined : users.findById(id);
  };
  return new BearerStrategy({ realm }, (token, done) => {
    find(token).then((user) => {
      done(null, user ?? false);
    }, done);
  });
}
