// The example on a machine whose clock is 90 seconds ahead.
import options from '../../examples/identity-server/second-factor.config.js';

export {
  close,
  countUsers,
  redis,
  session,
  url,
} from '../../examples/identity-server/second-factor.config.js';

export default () => ({ ...options, clock: () => Date.now() + 90_000 });
