import type { Request } from 'express';
import type { z } from 'zod';
import { formatCode } from '../backup-codes/code.js';
import { listProofs, notEnabled } from '../challenge/api.js';
import type { ChallengeDesk } from '../challenge/desk.js';
import { toProblem } from '../challenge/messages.js';
import { nameAlgorithm, requireName } from '../enrolment/api.js';
import { SecondFactorError } from '../errors.js';
import { type Call, type Endpoint, endpoint } from '../http/endpoints.js';
import { toTime } from '../http/operation.js';
import { Problem } from '../http/problem.js';
import type { ApiAccess, Foreign } from '../login/access.js';
import type { Complete } from '../login/guards.js';
import type { Settings } from '../settings.js';
import { describePolicy } from '../policy/rule.js';
import { formatCursor, parseCursor } from './cursor.js';
import type { ManagementDesk } from './desk.js';
import type { LaneState, ManagementFlow, Overview } from './flow.js';
import {
  type disabled,
  type disabling,
  type laneState,
  managementOperations as operations,
  type removing,
  type renaming,
  type status,
} from './operations.js';

export interface ManagementApi {
  access: ApiAccess;
  challenges: ChallengeDesk;
  desk: ManagementDesk;
  flow: ManagementFlow;
  settings: Settings;
}

/** The JSON face of management. */
export function managementApi({ access, challenges, desk, flow, settings }: ManagementApi): Endpoint[] {
  function describe(userId: string, overview: Overview): z.infer<typeof status> {
    const { enabledAt, authenticators, backupCodes, lanes } = overview;
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
        used_at: (backupCodes?.usedAt ?? []).map((at) => toTime(at)),
      },
      lanes: { totp: describeLane(lanes.totp), 'backup-code': describeLane(lanes['backup-code']) },
    };
  }

  async function describeOwn({ user, stamp }: Complete): Promise<z.infer<typeof status>> {
    const overview = await flow.overview(stamp.userId);
    const { isRequired, enrolBy } = await describePolicy(settings, user, overview);
    return {
      ...describe(stamp.userId, overview),
      ...{ required: isRequired, enrol_by: toTime(enrolBy) },
      session: { completed_at: toTime(stamp.completedAt), proofs: listProofs(stamp) },
    };
  }

  async function listActivity(request: Request, userId: string) {
    const { from } = request.query;
    const cursor = parseCursor(from);
    if (from !== undefined && !cursor)
      throw new SecondFactorError('request-invalid', 'The parameter "from" must be the "next" of an answer.');
    const { events, next } = await flow.activity(userId, cursor);
    return {
      user_id: userId,
      events: events.map(({ id, kind, at, address, browser, details }) => ({
        ...{ id, kind, at: toTime(at), address, browser },
        details: { ...details },
      })),
      next: next ? formatCursor(next) : null,
    };
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
    const { userId } = complete.stamp;
    const { user_id, backup_codes } = describe(userId, await flow.overview(userId));
    return { user_id, backup_codes };
  }

  async function turnOff({
    request,
    access: who,
    body,
  }: Call<Complete | Foreign, z.infer<typeof disabling>>) {
    if (who.kind === 'foreign') return reset(request, who, body.code);
    const { userId } = who.stamp;
    if (body.code === undefined)
      throw new SecondFactorError('request-invalid', 'The field "code" must be one text.');
    if ((await flow.overview(userId)).enabledAt === null) return notEnabled();
    const outcome = await challenges.disable(request, who, body.code);
    return outcome.kind === 'accepted'
      ? turnedOff(userId)
      : toProblem(outcome, settings.clock(), settings.wordsFor(request));
  }

  async function reset(request: Request, foreign: Foreign, code: string | undefined) {
    if (code !== undefined) {
      throw new SecondFactorError('request-invalid', 'Leave the field "code" out: it is another user’s.');
    }
    return (await desk.reset(request, foreign)) ? turnedOff(foreign.userId) : notEnabled();
  }

  async function giveName({ request, access: complete, body }: Call<Complete, z.infer<typeof renaming>>) {
    const isRenamed = await desk.rename(request, complete, body.authenticator_id, requireName(body.name));
    return isRenamed ? describeOwn(complete) : noAuthenticator();
  }

  async function takeAway({ request, access: complete, body }: Call<Complete, z.infer<typeof removing>>) {
    const removal = await desk.remove(request, complete, body.authenticator_id);
    switch (removal.kind) {
      case 'removed':
        return describeOwn(complete);
      case 'absent':
        return noAuthenticator();
      case 'last':
        return new Problem(
          'authenticator-last',
          'This is the only authenticator: turn the second factor off instead.',
        );
      case 'expired':
        return toProblem({ kind: 'completed' }, settings.clock(), settings.wordsFor(request));
    }
  }

  return [
    endpoint(operations.getStatus, access.ownerOr('status'), async ({ access: who }) =>
      who.kind === 'foreign' ? describe(who.userId, await flow.overview(who.userId)) : describeOwn(who),
    ),
    endpoint(operations.getActivity, access.ownerOr('status'), async ({ request, access: who }) =>
      listActivity(request, who.kind === 'foreign' ? who.userId : who.stamp.userId),
    ),
    endpoint(operations.getBackupCodes, access.provenOwner, propose),
    endpoint(operations.saveBackupCodes, access.owner, save),
    endpoint(operations.disable, access.ownerOr('disable'), turnOff),
    endpoint(operations.renameAuthenticator, access.owner, giveName),
    endpoint(operations.removeAuthenticator, access.provenOwner, takeAway),
    endpoint(operations.signOutElsewhere, access.owner, async ({ request, access: complete }) => {
      await desk.signOutElsewhere(request, complete);
      return {};
    }),
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
