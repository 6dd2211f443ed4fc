import type { RequestHandler } from 'express';

/** How long a part may take before it counts as failing. */
const patience = 1000;

type Check = () => Promise<void> | void;

/** Asks every part, all at once: 200 when all answer in time, else 503 and which do not. */
export function healthRoute(checks: Record<string, Check>): RequestHandler {
  return async (_req, res) => {
    const parts = await Promise.all(
      Object.entries(checks).map(
        async ([name, check]) => [name, (await answers(check)) ? 'ok' : 'failing'] as const,
      ),
    );
    const isHealthy = parts.every(([, state]) => state === 'ok');
    res
      .status(isHealthy ? 200 : 503)
      .json({ status: isHealthy ? 'ok' : 'failing', ...Object.fromEntries(parts) });
  };
}

async function answers(check: Check): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, patience, false);
  });
  const answer = Promise.resolve()
    .then(check)
    .then(
      () => true,
      () => false,
    );
  const isOk = await Promise.race([answer, late]);
  clearTimeout(timer);
  return isOk;
}
