// What the applications that are broken on purpose have in common; none of the faults is in here.
import { verifySync } from 'otplib';

/** A busy database takes as long. */
export const pause = () => new Promise((resolve) => setTimeout(resolve, 30));

export function form(path, fields, label, token) {
  const hidden = token === undefined ? '' : `<input type="hidden" name="token" value="${token}">`;
  const inputs = fields.map((name) => `<input name="${name}">`).join('');
  return `<form method="post" action="${path}">${hidden}${inputs}<button>${label}</button></form>`;
}

export function requireUser(req, res, next) {
  if (req.user) next();
  else res.redirect('/login');
}

/** The step of a code, one before and one after the present one included. */
export function findStep(secret, code) {
  if (!/^[0-9]{6}$/.test(code)) return undefined;
  const epoch = Math.floor(Date.now() / 1000);
  const { valid, timeStep } = verifySync({ secret, token: code, epoch, epochTolerance: [30, 30] });
  return valid ? timeStep : undefined;
}

/** Says where it listens, for whoever has started it. */
export function listen(app) {
  // Without it Express prints each error; here they are what is looked for.
  app.use((error, req, res, next) =>
    res.headersSent ? next(error) : res.status(500).send('Something went wrong'),
  );
  const server = app.listen(0, () => process.stdout.write(`http://localhost:${server.address().port}\n`));
}
