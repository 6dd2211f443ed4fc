import { z } from 'zod';
import { named, nothing, type Operation, shortText, time, timeOrNull } from '../http/operation.js';

export const trustedBrowsers = named(
  'TrustedBrowsers',
  z.strictObject({
    browsers: z.array(
      z.strictObject({
        id: z.string(),
        name: z.string().nullable().describe('As the browser calls itself; null where it does not.'),
        created_at: time,
        last_used_at: timeOrNull,
        expires_at: time,
        current: z.boolean().describe('Whether it is the browser that asks.'),
      }),
    ),
  }),
);

export const revoking = named('Revoking', z.strictObject({ browser_id: shortText }));

const getTrustedBrowsers = {
  id: 'getTrustedBrowsers',
  method: 'get',
  path: '/trusted-browsers/{user_id}',
  summary: 'The browsers in which no code is asked for',
  description: 'Newest first. Empty where the application trusts none.',
  answer: trustedBrowsers,
  problems: [],
} satisfies Operation;

const revokeTrustedBrowser = {
  id: 'revokeTrustedBrowser',
  method: 'post',
  path: '/revoke-trusted-browser/{user_id}',
  summary: 'End the trust of one browser',
  description: 'It is asked for a code at its next login; its sessions go on. Needs a fresh proof.',
  body: revoking,
  answer: trustedBrowsers,
  problems: ['proof-required', 'proof-impossible'],
} satisfies Operation;

const revokeTrustedBrowsers = {
  ...revokeTrustedBrowser,
  id: 'revokeTrustedBrowsers',
  path: '/revoke-trusted-browsers/{user_id}',
  summary: 'End the trust of all browsers',
  description: 'As `revokeTrustedBrowser`, for every one of them.',
  body: nothing,
} satisfies Operation;

export const browserOperations = { getTrustedBrowsers, revokeTrustedBrowser, revokeTrustedBrowsers };
