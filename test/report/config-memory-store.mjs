// An application that keeps its sessions where express-session keeps them by itself.
import { MemoryStore } from 'express-session';
import options from '../../examples/identity-server/second-factor.config.js';

export { close } from '../../examples/identity-server/second-factor.config.js';

export default options;

export const session = { store: new MemoryStore(), cookie: { sameSite: 'lax', secure: 'auto' } };
