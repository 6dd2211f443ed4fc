import type { Strategy } from 'passport';
import type { Config } from '../config.js';
import type { Services } from '../services.js';
import { basicStrategy, bearerStrategy } from './api.js';
import { passwordStrategy } from './password.js';
import { providerStrategy } from './provider.js';

/** Every way of proving who one is. None of them knows of the second factor. */
export function createStrategies({ provider }: Config, services: Services): Strategy[] {
  const { users, accessTokens, identities, rememberMe, origin } = services;
  return [
    passwordStrategy(users),
    basicStrategy(users),
    bearerStrategy(accessTokens, users),
    rememberMe.strategy(),
    ...(provider && identities ? [providerStrategy(provider, origin, identities)] : []),
  ];
}
