// Prints the old table as `second-factor import` reads it. Its secrets are in clear: so are these. Where yours are encrypted, open them here.
import { allUsers } from '../users.js';

console.log('user_id,secret,name');
for (const { id, totp_enabled, totp_secret } of allUsers()) {
  if (totp_enabled) console.log(`${id},${totp_secret},Authenticator app`);
}
