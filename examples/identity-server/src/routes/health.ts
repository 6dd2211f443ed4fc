import { type RequestHandler, Router } from 'express';

/** How long a part may take before it counts as failing. */
const patience = 1000;

type Check = () => Promise<void> | void;

/** For balancers and for what starts processes again. */
export interface Health {
  router: Router;
  /** From now on no new requests are wanted. */
  stop: () => void;
}

/**
 * `/healthz`: this process answers. Nothing else: to start it again would mend no database.
 * `/readyz`: requests are wanted here. 503 where a part does not answer in time, and which, and when the process is about to end.
 */
export function createHealth(checks: Record<string, Check>): Health {
  let isStopping = false;
  const alive: RequestHandler = (_req, res) => {
    res.json({ status: 'ok' });
  };
  const ready: RequestHandler = async (_req, res) => {
    const answers = await Promise.all(
      Object.entries(checks).map(
        async ([name, check]) => [name, (await isWell(check)) ? 'ok' : 'failing'] as const,
      ),
    );
    const parts = Object.fromEntries(answers);
    const isReady = !isStopping && answers.every(([, state]) => state === 'ok');
    const status = isStopping ? 'stopping' : isReady ? 'ok' : 'failing';
    res.status(isReady ? 200 : 503).json({ status, ...parts });
  };
  const router = Router();
  router.get('/healthz', alive);
  router.get('/readyz', ready);
  return {
    router,
    stop: () => {
      isStopping = true;
    },
  };
}

async function isWell(check: Check): Promise<boolean> {
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
