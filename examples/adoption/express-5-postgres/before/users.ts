import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import pg from 'pg';

export const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });

await pool.query(`
  CREATE TABLE IF NOT EXISTS users (
    id serial PRIMARY KEY,
    email text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    reset_token text
  )
`);

export interface User {
  id: number;
  email: string;
  password_hash: string;
}

const derive = promisify<string, Buffer, number, Buffer>(scrypt);

async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, 64);
  return `${salt.toString('hex')}:${key.toString('hex')}`;
}

export async function checkPassword(user: User, password: string): Promise<boolean> {
  const [salt = '', key = ''] = user.password_hash.split(':');
  const derived = await derive(password, Buffer.from(salt, 'hex'), 64);
  return timingSafeEqual(derived, Buffer.from(key, 'hex'));
}

export async function findById(id: number): Promise<User | undefined> {
  const { rows } = await pool.query<User>('SELECT * FROM users WHERE id = $1', [id]);
  return rows[0];
}

export async function findByEmail(email: string): Promise<User | undefined> {
  const { rows } = await pool.query<User>('SELECT * FROM users WHERE email = $1', [email]);
  return rows[0];
}

export async function create(email: string, password: string): Promise<User | undefined> {
  const { rows } = await pool.query<User>(
    'INSERT INTO users (email, password_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING *',
    [email, await hashPassword(password)],
  );
  return rows[0];
}

export async function createResetToken(email: string): Promise<string> {
  const token = randomBytes(24).toString('base64url');
  await pool.query('UPDATE users SET reset_token = $1 WHERE email = $2', [token, email]);
  return token;
}

export async function resetPassword(token: string, password: string): Promise<User | undefined> {
  const { rows } = await pool.query<User>(
    'UPDATE users SET password_hash = $1, reset_token = NULL WHERE reset_token = $2 RETURNING *',
    [await hashPassword(password), token],
  );
  return rows[0];
}
