import { z } from 'zod';
import { proofTimes } from '../challenge/operations.js';
import { named, nothing, type Operation, shortText, time, timeOrNull } from '../http/operation.js';

export const laneState = named(
  'LaneState',
  z
    .strictObject({ state: z.enum(['open', 'delayed', 'suspended']), until: timeOrNull })
    .describe('Whether codes of this kind are looked at now; until when not.'),
);

export const status = named(
  'Status',
  z.strictObject({
    user_id: z.string(),
    enabled: z.boolean(),
    enabled_at: timeOrNull,
    required: z
      .boolean()
      .optional()
      .describe('Whether the user must have one; not with another user’s status.'),
    enrol_by: timeOrNull
      .optional()
      .describe(
        'Until when one has to be set up, null where none has to be; not with another user’s status.',
      ),
    authenticators: z.array(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        algorithm: z.enum(['SHA1', 'SHA256', 'SHA512']),
        digits: z.int(),
        period: z.int(),
        created_at: time,
        last_used_at: timeOrNull,
      }),
    ),
    backup_codes: z.strictObject({
      left: z.int(),
      total: z.int(),
      created_at: timeOrNull,
      used_at: z.array(time),
    }),
    lanes: z.strictObject({ totp: laneState, 'backup-code': laneState }),
    session: z
      .strictObject({ completed_at: time, proofs: proofTimes })
      .optional()
      .describe('What this session has proven; not with another user’s status.'),
  }),
);

const proposal = named(
  'Proposal',
  z.strictObject({
    backup_codes: z.array(z.string()),
    live: z.boolean().describe('Whether they work already: the first codes do, others once they are saved.'),
    expires_at: time,
  }),
);
const saving = named('Saving', z.strictObject({ saved: z.literal(true, { error: 'must be true' }) }));
const saved = named(
  'Saved',
  z.strictObject({ user_id: z.string(), backup_codes: status.shape.backup_codes }),
);
export const disabling = named('Disabling', z.strictObject({ code: shortText.optional() }));
export const disabled = named('Disabled', z.strictObject({ user_id: z.string(), enabled: z.literal(false) }));
export const renaming = named('Renaming', z.strictObject({ authenticator_id: shortText, name: shortText }));
export const removing = named('Removing', z.strictObject({ authenticator_id: shortText }));

const getStatus = {
  id: 'getStatus',
  method: 'get',
  path: '/status/{user_id}',
  summary: 'How a second factor stands',
  description: 'Nothing secret. Of another user where the application’s `authorize` allows `status`.',
  answer: status,
  problems: [],
} satisfies Operation;

const activity = named(
  'Activity',
  z.strictObject({
    user_id: z.string(),
    events: z.array(
      z.strictObject({
        id: z.string(),
        kind: z.string().describe('As docs/events.md lists them.'),
        at: time,
        address: z.string().nullable(),
        browser: z.string().nullable().describe('The User-Agent header.'),
        details: z.record(z.string(), z.unknown()),
      }),
    ),
    next: z.string().nullable().describe('For `from`, where older events begin; null where there are none.'),
  }),
);

const getActivity = {
  id: 'getActivity',
  method: 'get',
  path: '/activity/{user_id}',
  summary: 'What has happened to a second factor',
  description:
    'Newest first, 50 at a time. Of another user where the application’s `authorize` allows `status`.',
  query: { from: '`next` of the answer before.' },
  answer: activity,
  problems: [],
} satisfies Operation;

const getBackupCodes = {
  id: 'getBackupCodes',
  method: 'get',
  path: '/backup-codes/{user_id}',
  summary: 'Propose new backup codes',
  description:
    'The same set to the same session until it is saved or 10 minutes old, also under parallel calls. The old codes keep working ' +
    'until `saveBackupCodes`. Needs a fresh proof.',
  answer: proposal,
  problems: ['proof-required', 'proof-impossible', 'not-enabled'],
} satisfies Operation;

const saveBackupCodes = {
  id: 'saveBackupCodes',
  method: 'post',
  path: '/backup-codes/{user_id}',
  summary: 'Say that the proposed backup codes are saved',
  description:
    'They replace the old ones from now on and are never shown again. The session id changes where they do.',
  body: saving,
  answer: saved,
  problems: ['proposal-missing'],
} satisfies Operation;

const disable = {
  id: 'disable',
  method: 'post',
  path: '/disable/{user_id}',
  summary: 'Turn the second factor off',
  description:
    'With a TOTP or backup code, which proves it and is used up. Another user’s without a code (`{}`), where the application’s ' +
    '`authorize` allows `disable` and the caller’s own proof is fresh. All other sessions of that user end. ' +
    'Whoever must have a second factor cannot turn the own one off.',
  body: disabling,
  answer: disabled,
  problems: [
    'not-enabled',
    'removal-refused',
    'proof-required',
    'proof-impossible',
    'code-malformed',
    'code-mistyped',
    'code-wrong',
    'code-used',
    'attempts-delayed',
    'attempts-suspended',
    'attempts-exhausted',
    'first-factor-suspected',
    'login-completed',
  ],
} satisfies Operation;

const renameAuthenticator = {
  id: 'renameAuthenticator',
  method: 'post',
  path: '/rename/{user_id}',
  summary: 'Give an authenticator another name',
  description: 'The name is for people alone.',
  body: renaming,
  answer: status,
  problems: [],
} satisfies Operation;

const removeAuthenticator = {
  id: 'removeAuthenticator',
  method: 'post',
  path: '/remove/{user_id}',
  summary: 'Remove one of several authenticators',
  description:
    'The last one goes only by `disable`. The session id changes, and all other sessions of the user end. Needs a fresh proof.',
  body: removing,
  answer: status,
  problems: ['proof-required', 'proof-impossible', 'authenticator-last', 'login-completed'],
} satisfies Operation;

const signOutElsewhere = {
  id: 'signOutElsewhere',
  method: 'post',
  path: '/sign-out-elsewhere/{user_id}',
  summary: 'End all other sessions',
  description: 'And all pending logins of the user. The session id changes; this session goes on.',
  body: nothing,
  answer: nothing,
  problems: [],
} satisfies Operation;

export const managementOperations = {
  getStatus,
  getActivity,
  getBackupCodes,
  saveBackupCodes,
  disable,
  renameAuthenticator,
  removeAuthenticator,
  signOutElsewhere,
};
