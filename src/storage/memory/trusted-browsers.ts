import type { TrustedBrowser } from '../../model.js';
import type { Storage } from '../storage.js';
import { compareBytes, type Tables } from './tables.js';

export function trustedBrowserVerbs(tables: Tables) {
  return {
    async trustBrowser({ browser, replaces, events }) {
      const { userId, epoch } = browser;
      const account = tables.accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return false;
      if (tables.browsers.has(browser.id)) throw new Error('There is a trusted browser with this id.');
      const isReplaced = ({ id, epoch: then }: TrustedBrowser): boolean => then !== epoch || id === replaces;
      tables.deleteBrowsers((other) => other.userId === userId && isReplaced(other));
      tables.browsers.set(browser.id, { ...browser });
      tables.record(events);
      return true;
    },

    async useToken({ id, userId, epoch, tokenHash, nextHash, grace, now, events }) {
      const browser = tables.browsers.get(id);
      if (browser?.userId !== userId || browser.epoch !== epoch || browser.expiresAt <= now) return 'gone';
      const { previousHash, lastUsedAt } = browser;
      const isPresent = browser.tokenHash === tokenHash;
      const isRecent = previousHash === tokenHash && now - (lastUsedAt ?? 0) < grace;
      tables.record([isPresent || isRecent ? events.trusted : events.stolen]);
      if (isPresent)
        Object.assign(browser, { tokenHash: nextHash, previousHash: tokenHash, lastUsedAt: now });
      if (isPresent || isRecent) return isPresent ? 'rotated' : 'recent';
      tables.browsers.delete(id);
      return 'stolen';
    },

    async listTrustedBrowsers(userId) {
      return [...tables.browsers.values()]
        .filter((browser) => browser.userId === userId)
        .sort((a, b) => b.createdAt - a.createdAt || compareBytes(a.id, b.id))
        .map((browser) => ({ ...browser }));
    },

    async deleteTrustedBrowsers({ userId, id, events }) {
      const count = tables.deleteBrowsers(
        (browser) => browser.userId === userId && (id === null || browser.id === id),
      );
      if (count > 0) tables.record(events);
      return count;
    },

    async purgeTrustedBrowsers(now) {
      tables.deleteBrowsers(
        ({ userId, epoch, expiresAt }) => expiresAt <= now || tables.accountOf(userId).epoch !== epoch,
      );
    },
  } satisfies Partial<Storage>;
}
