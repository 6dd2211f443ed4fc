/**
 * For the tests of a host, and of storage adapters (docs/testing.md).
 * @module passport-second-factor/testing
 */
export type { Clock } from '../clock.js';
export type { TotpParameters } from '../model.js';
export type { SecondFactorOptions } from '../options.js';
export type { Storage } from '../storage/storage.js';
export type { Window } from '../totp/match-step.js';
export { memoryStorage } from '../storage/memory/memory-storage.js';
export {
  createVirtualAuthenticator,
  type VirtualAccount,
  type VirtualAuthenticator,
  type VirtualAuthenticatorOptions,
} from './authenticator.js';
export { createTestClock, type TestClock } from './clock.js';
export { enrolUser, type TestFactor } from './enrol.js';
export { answerInBrowser, enrolInBrowser, type TestLocator, type TestPage } from './in-browser.js';
export { answerChallenge, readHiddenFields, type TestAgent, type TestResponse } from './sign-in.js';
export { totpCode } from './totp-code.js';
export { storageContract, type StorageContractCase } from './storage-contract.js';
export { type ProcessRaceOptions, raceAcrossProcesses } from './storage-race-processes.js';
