// The users of the application, in one SQLite table: the same before and after.
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import Database from 'libsql';

export function openDatabase() {
  const database = new Database(process.env.DATABASE ?? 'app.db', { timeout: 5000 });
  database.pragma('journal_mode = WAL');
  return database;
}

export const db = openDatabase();
db.exec(`create table if not exists users (
  id integer primary key,
  username text not null unique,
  password text not null,
  totp_secret text,
  totp_enabled integer not null default 0,
  backup_codes text not null default '[]'
)`);

export const findUser = (id) => db.prepare('select * from users where id = ?').get(id);
export const findUserByName = (name) => db.prepare('select * from users where username = ?').get(name);
export const allUsers = () => db.prepare('select * from users').iterate();

/** @returns the new user; `undefined` where the name cannot be had. */
export function addUser(name, password) {
  if (!/^\w{1,30}$/.test(name) || typeof password !== 'string' || findUserByName(name)) return undefined;
  const salt = randomBytes(16);
  const hash = `${salt.toString('hex')}:${derive(password, salt).toString('hex')}`;
  db.prepare('insert into users (username, password) values (?, ?)').run(name, hash);
  return findUserByName(name);
}

export function checkPassword(user, password) {
  const [salt, key] = user.password.split(':').map((part) => Buffer.from(part, 'hex'));
  return timingSafeEqual(derive(password, salt), key);
}

const derive = (password, salt) => scryptSync(password, salt, 32);
