import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type RequestHandler, Router } from 'express';
import {
  type Coverage,
  coverageToCsv,
  describeReport,
  type ReportContext,
  type SecondFactor,
} from 'passport-second-factor';
import type { Services } from '../services.js';

/** So many people are named on the page; the file has all. */
const MOST_NAMED = 200;

/** The status report, and who has a second factor: for administrators. For everybody else there are no such pages. */
export function adminRoutes(
  { isAdministrator, users }: Services,
  secondFactor: Pick<SecondFactor, 'report' | 'service'>,
  context: ReportContext,
): Router {
  const router = Router();
  const administratorsOnly: RequestHandler = (req, _res, next) => {
    next(req.user && isAdministrator(req.user) ? undefined : 'route');
  };

  router.get('/admin/two-factor', administratorsOnly, async (req, res) => {
    const language = req.query['lang'] === 'id' ? 'id' : 'en';
    const report = describeReport(await secondFactor.report(context), language);
    res.render('report', { ...report, language });
  });

  router.get('/admin/coverage', administratorsOnly, async (_req, res) => {
    const counts: Record<Coverage['state'], number> = { on: 0, 'in-grace': 0, overdue: 0, 'not-required': 0 };
    const missing: Coverage[] = [];
    for await (const row of secondFactor.service.coverage(users.list())) {
      counts[row.state] += 1;
      const isMissing = row.state === 'in-grace' || row.state === 'overdue';
      if (isMissing && missing.length < MOST_NAMED) missing.push(row);
    }
    res.render('coverage', { counts, missing });
  });

  router.get('/admin/coverage.csv', administratorsOnly, async (_req, res) => {
    res.attachment('coverage.csv');
    await pipeline(Readable.from(coverageToCsv(secondFactor.service.coverage(users.list()))), res);
  });

  return router;
}
