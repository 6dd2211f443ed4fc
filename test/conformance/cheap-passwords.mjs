// Loaded before an application: a run of the suite gives hundreds of passwords, and none of it is about how they are hashed.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const { scrypt } = crypto;
crypto.scrypt = (password, salt, length, ...rest) =>
  scrypt(password, salt, length, { N: 1024, r: 8, p: 1 }, rest.at(-1));
syncBuiltinESMExports();
