import { Router } from 'express';
import { describeReport, type ReportContext, type SecondFactor } from 'passport-second-factor';
import type { Services } from '../services.js';

/** The status report, for administrators. For everybody else there is no such page. */
export function adminRoutes(
  { isAdministrator }: Services,
  secondFactor: Pick<SecondFactor, 'report'>,
  context: ReportContext,
): Router {
  const router = Router();

  router.get('/admin/two-factor', async (req, res, next) => {
    if (!req.user || !isAdministrator(req.user)) {
      next();
      return;
    }
    const language = req.query['lang'] === 'id' ? 'id' : 'en';
    const report = describeReport(await secondFactor.report(context), language);
    res.render('report', { ...report, language });
  });

  return router;
}
