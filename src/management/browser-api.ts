import type { Request } from 'express';
import type { z } from 'zod';
import { type Call, type Endpoint, endpoint } from '../http/endpoints.js';
import { toTime } from '../http/operation.js';
import { Problem } from '../http/problem.js';
import type { ApiAccess } from '../login/access.js';
import type { Complete } from '../login/guards.js';
import {
  browserOperations as operations,
  type revoking,
  type trustedBrowsers,
} from './browser-operations.js';
import type { ManagementDesk } from './desk.js';

/** The JSON face of trusted browsers. */
export function browserApi(access: ApiAccess, desk: ManagementDesk): Endpoint[] {
  async function describe(request: Request, complete: Complete): Promise<z.infer<typeof trustedBrowsers>> {
    const browsers = await desk.listBrowsers(request, complete);
    return {
      browsers: browsers.map(({ id, name, createdAt, lastUsedAt, expiresAt, isThis }) => ({
        ...{ id, name, created_at: toTime(createdAt), last_used_at: toTime(lastUsedAt) },
        ...{ expires_at: toTime(expiresAt), current: isThis },
      })),
    };
  }

  async function revokeOne({ request, access: complete, body }: Call<Complete, z.infer<typeof revoking>>) {
    const count = await desk.revokeBrowsers(request, complete, body.browser_id);
    if (count === 0) return new Problem('not-found', 'There is no such trusted browser.');
    return describe(request, complete);
  }

  async function revokeAll({ request, access: complete }: Call<Complete, object>) {
    await desk.revokeBrowsers(request, complete, null);
    return describe(request, complete);
  }

  return [
    endpoint(operations.getTrustedBrowsers, access.owner, ({ request, access: complete }) =>
      describe(request, complete),
    ),
    endpoint(operations.revokeTrustedBrowser, access.provenOwner, revokeOne),
    endpoint(operations.revokeTrustedBrowsers, access.provenOwner, revokeAll),
  ];
}
