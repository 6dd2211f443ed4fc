// The users of the identity server: in memory, for as long as it runs.
import { randomBytes, randomUUID, scryptSync, timingSafeEqual } from 'node:crypto';

const users = new Map();
const derive = (password, salt) => scryptSync(password, salt, 32);

export const findUser = (id) => users.get(id);
export const findUserByName = (name) => [...users.values()].find((user) => user.name === name);

/** @returns the new user; `undefined` where the name cannot be had. */
export function addUser(name, password) {
  if (!/^\w{1,30}$/.test(name) || typeof password !== 'string' || findUserByName(name)) return undefined;
  const salt = randomBytes(16);
  const user = { id: randomUUID(), name, salt, key: derive(password, salt) };
  users.set(user.id, user);
  return user;
}

export const checkPassword = (user, password) =>
  typeof password === 'string' && timingSafeEqual(derive(password, user.salt), user.key);
