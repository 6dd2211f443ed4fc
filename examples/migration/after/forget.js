// node forget.js 42: forgets the second factor that user 42 has here, so that the old table is asked again at the next login.
import { createSecondFactor } from 'passport-second-factor';
import options, { close } from './second-factor.config.js';

const secondFactor = createSecondFactor(options);
await secondFactor.ready();
await secondFactor.forget(process.argv[2]);
await secondFactor.close();
close();
