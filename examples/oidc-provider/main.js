// Starts the identity server and the relying party, each on a port of its own, on this machine alone.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { acr, createIdentityServer } from './identity-server.js';
import { createRelyingParty } from './relying-party.js';

const { PORT = 3000, SHOP_PORT = PORT === '0' ? 0 : 3001 } = process.env;

const [identityServer, identityOrigin] = await listen(PORT);
const [shopServer, shopOrigin] = await listen(SHOP_PORT);

const shop = {
  client_id: 'shop',
  client_secret: randomBytes(32).toString('base64url'),
  redirect_uris: [`${shopOrigin}/callback`],
  grant_types: ['authorization_code', 'refresh_token'],
};
/** Asks about tokens, and signs nobody in. */
const api = {
  client_id: 'shop-api',
  client_secret: randomBytes(32).toString('base64url'),
  redirect_uris: [],
  response_types: [],
  grant_types: [],
};

identityServer.on('request', await createIdentityServer(identityOrigin, [shop, api]));
shopServer.on('request', await createRelyingParty(shopOrigin, `${identityOrigin}/oidc`, { shop, api }, acr));
console.log(`The shop: ${shopOrigin}, its identity server: ${identityOrigin}`);

async function listen(port) {
  const server = createServer().listen(port, 'localhost');
  await once(server, 'listening');
  return [server, `http://localhost:${server.address().port}`];
}
