import { Redis } from 'ioredis';
import type { Application, Place } from '../contender.js';
import { addAccount, createSite, type User } from './express.js';

/** No second factor. With `guard`, one more read of Redis stands before the page: what any check of a request costs at least. */
export async function build({ redis, options }: Place): Promise<Application> {
  const client = new Redis(redis);
  const { app, password } = createSite(client);
  app.post('/login', password, (_request, response) => response.redirect('/account'));
  if (options.includes('guard'))
    addAccount(app, async (request, response, next) => {
      const epoch = await client.get(`epoch:${(request.user as User | undefined)?.id ?? ''}`);
      if (epoch === '1') next();
      else response.redirect('/login');
    });
  else addAccount(app);
  return {
    listener: app,
    face: 'forms',
    async enrol(name) {
      await client.set(`epoch:${name}`, '1');
      return new Uint8Array(20);
    },
  };
}
