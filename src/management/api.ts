import { z } from 'zod';
import { formatCode } from '../backup-codes/code.js';
import { listProofs, notEnabled, proofTimes } from '../challenge/api.js';
import type { ChallengeDesk } from '../challenge/desk.js';
import { toProblem } from '../challenge/messages.js';
import { nameAlgorithm, requireName } from '../enrolment/api.js';
import { SecondFactorError } from '../errors.js';
import { type Call, type Endpoint, endpoint } from '../http/endpoints.js';
import { named, type Operation, shortText, time, timeOrNull, toTime } from '../http/operation.js';
import { Problem } from '../http/problem.js';
import type { ApiAccess, Foreign } from '../login/access.js';
import type { Complete } from '../login/guards.js';
import type { Settings } from '../settings.js';
import type { ManagementDesk } from './desk.js';
import type { LaneState, ManagementFlow } from './flow.js';

const laneState = named(
  'LaneState',
  z
    .strictObject({ state: z.enum(['open', 'delayed', 'suspended']), until: timeOrNull })
    .describe('Whether codes of this kind are looked at now; until when not.'),
);

const status = named(
  'Status',
  z.strictObject({
    user_id: z.string(),
    enabled: z.boolean(),
    enabled_at: timeOrNull,
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
    backup_codes: z.strictObject({ left: z.int(), total: z.int(), created_at: timeOrNull }),
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
const disabling = named('Disabling', z.strictObject({ code: shortText.optional() }));
const disabled = named('Disabled', z.strictObject({ user_id: z.string(), enabled: z.literal(false) }));
const renaming = named('Renaming', z.strictObject({ authenticator_id: shortText, name: shortText }));
const removing = named('Removing', z.strictObject({ authenticator_id: shortText }));

const getStatus = {
  id: 'getStatus',
  method: 'get',
  path: '/status/{user_id}',
  summary: 'How a second factor stands',
  description: 'Nothing secret. Of another user where the application’s `authorize` allows `status`.',
  answer: status,
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
    '`authorize` allows `disable` and the caller’s own proof is fresh. All other sessions of that user end.',
  body: disabling,
  answer: disabled,
  problems: [
    'not-enabled',
    'proof-required',
    'proof-impossible',
    'code-malformed',
    'code-mistyped',
    'code-wrong',
    'code-used',
    'attempts-delayed',
    'attempts-suspended',
    'attempts-exhausted',
    'login-completed',
  ],
} satisfies Operation;

const rename = {
  id: 'renameAuthenticator',
  method: 'post',
  path: '/rename/{user_id}',
  summary: 'Give an authenticator another name',
  description: 'The name is for people alone.',
  body: renaming,
  answer: status,
  problems: [],
} satisfies Operation;

const remove = {
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

export const managementOperations = {
  getStatus,
  getBackupCodes,
  saveBackupCodes,
  disable,
  renameAuthenticator: rename,
  removeAuthenticator: remove,
};

export interface ManagementApi {
  access: ApiAccess;
  challenges: ChallengeDesk;
  desk: ManagementDesk;
  flow: ManagementFlow;
  settings: Settings;
}

/** The JSON face of management. */
export function managementApi({ access, challenges, desk, flow, settings }: ManagementApi): Endpoint[] {
  async function describe(userId: string): Promise<z.infer<typeof status>> {
    const { enabledAt, authenticators, backupCodes, lanes } = await flow.overview(userId);
    return {
      user_id: userId,
      enabled: enabledAt !== null,
      enabled_at: toTime(enabledAt),
      authenticators: authenticators.map(({ createdAt, lastUsedAt, algorithm, ...rest }) => ({
        ...rest,
        algorithm: nameAlgorithm(algorithm),
        created_at: toTime(createdAt),
        last_used_at: toTime(lastUsedAt),
      })),
      backup_codes: {
        left: backupCodes?.left ?? 0,
        total: backupCodes?.total ?? 0,
        created_at: toTime(backupCodes?.createdAt ?? null),
      },
      lanes: { totp: describeLane(lanes.totp), 'backup-code': describeLane(lanes['backup-code']) },
    };
  }

  async function describeOwn({ stamp }: Complete): Promise<z.infer<typeof status>> {
    const session = { completed_at: toTime(stamp.completedAt), proofs: listProofs(stamp) };
    return { ...(await describe(stamp.userId)), session };
  }

  async function propose({ access: complete }: Call<Complete, undefined>) {
    const readable = await desk.proposeCodes(complete);
    if (!readable) return notEnabled();
    const { codes, areLive, expiresAt } = readable;
    return { backup_codes: codes.map(formatCode), live: areLive, expires_at: toTime(expiresAt) };
  }

  async function save({ request, access: complete }: Call<Complete, object>) {
    if (!(await desk.saveCodes(request, complete))) {
      return new Problem('proposal-missing', 'No backup codes wait to be saved. Ask for new ones.');
    }
    const { user_id, backup_codes } = await describe(complete.stamp.userId);
    return { user_id, backup_codes };
  }

  async function turnOff({
    request,
    access: who,
    body,
  }: Call<Complete | Foreign, z.infer<typeof disabling>>) {
    if (who.kind === 'foreign') return reset(who.userId, body.code);
    const { userId } = who.stamp;
    if (body.code === undefined)
      throw new SecondFactorError('request-invalid', 'The field "code" must be one text.');
    if ((await flow.overview(userId)).enabledAt === null) return notEnabled();
    const outcome = await challenges.disable(request, who, body.code);
    return outcome.kind === 'accepted' ? turnedOff(userId) : toProblem(outcome, settings.clock());
  }

  async function reset(userId: string, code: string | undefined) {
    if (code !== undefined) {
      throw new SecondFactorError('request-invalid', 'Leave the field "code" out: it is another user’s.');
    }
    return (await flow.reset(userId)) ? turnedOff(userId) : notEnabled();
  }

  async function giveName({ access: complete, body }: Call<Complete, z.infer<typeof renaming>>) {
    const isRenamed = await flow.rename(complete.stamp.userId, body.authenticator_id, requireName(body.name));
    return isRenamed ? describeOwn(complete) : noAuthenticator();
  }

  async function takeAway({ request, access: complete, body }: Call<Complete, z.infer<typeof removing>>) {
    const removal = await desk.remove(request, complete, body.authenticator_id);
    switch (removal.kind) {
      case 'removed':
        return describe(complete.stamp.userId);
      case 'absent':
        return noAuthenticator();
      case 'last':
        return new Problem(
          'authenticator-last',
          'This is the only authenticator: turn the second factor off instead.',
        );
      case 'expired':
        return toProblem({ kind: 'completed' }, settings.clock());
    }
  }

  return [
    endpoint(getStatus, access.ownerOr('status'), async ({ access: who }) =>
      who.kind === 'foreign' ? describe(who.userId) : describeOwn(who),
    ),
    endpoint(getBackupCodes, access.provenOwner, propose),
    endpoint(saveBackupCodes, access.owner, save),
    endpoint(disable, access.ownerOr('disable'), turnOff),
    endpoint(rename, access.owner, giveName),
    endpoint(remove, access.provenOwner, takeAway),
  ];
}

function describeLane(lane: LaneState): z.infer<typeof laneState> {
  return { state: lane.kind, until: lane.kind === 'delayed' ? toTime(lane.until) : null };
}

function turnedOff(userId: string): z.infer<typeof disabled> {
  return { user_id: userId, enabled: false };
}

function noAuthenticator(): Problem {
  return new Problem('not-found', 'There is no such authenticator.');
}
