import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createApp } from './app.js';
import { readConfig } from './config.js';
import { openDatabase } from './database/database.js';
import { findKeys } from './keys.js';
import { log } from './log.js';
import { openSessions } from './sessions.js';
import { SetupError } from './setup-error.js';

/** How long requests may go on after the server was asked to stop. */
const farewell = 10_000;

/** What was opened, to be closed in the opposite order. */
const opened: (() => Promise<void> | void)[] = [];

async function start(): Promise<void> {
  const config = readConfig();
  log.level = config.logLevel;
  const metrics = config.metricsPort === undefined ? undefined : await serveMetrics(config.metricsPort);
  if (metrics) opened.push(() => metrics.close());
  const keys = findKeys(config);
  const sessions = await openSessions(config);
  opened.push(() => sessions.close());
  log.info(sessions.description);

  const database = await openDatabase(config.database);
  opened.push(() => database.close());

  // The port before the application: with PORT=0 its origin is known only now.
  const server = createServer();
  server.on('request', answerTooEarly);
  const port = await listen(server, config.port);
  const local = `http://localhost:${String(port)}`;
  const { app, stop, close } = await createApp(config, {
    sessions,
    keys,
    database,
    origin: config.baseUrl ?? local,
    telemetry: metrics?.telemetry,
  });
  opened.push(close);
  opened.push(() => finish(server, stop, config.drainTime));
  server.off('request', answerTooEarly).on('request', app);
  const known =
    config.baseUrl === undefined || config.baseUrl === local ? '' : `, for browsers ${config.baseUrl}`;
  log.info(`Identity server listens on ${local}${known}`);
}

/** Loaded only where it is asked for: OpenTelemetry's modules are as many as all others. */
async function serveMetrics(port: number) {
  const metrics = await import('./metrics.js');
  return metrics.serveMetrics(port);
}

const answerTooEarly: RequestListener = (_req, res) => {
  res.writeHead(503, { 'Retry-After': '1' }).end();
};

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new SetupError(
      `Port ${String(port)} cannot be used. Set PORT to another one, or to 0 for any free one.`,
      {
        cause,
      },
    );
  }
  return (server.address() as AddressInfo).port;
}

/**
 * Says that no new requests are wanted, and waits until balancers have asked; then takes none, and lets those under way come to their
 * end, within limits.
 */
async function finish(server: Server, stop: () => void, drainTime: number): Promise<void> {
  stop();
  await delay(drainTime);
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, farewell);
  server.close();
  await once(server, 'close');
  clearTimeout(timer);
}

async function closeAll(): Promise<void> {
  for (const close of opened.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      // One part that does not close must not keep the others open.
      log.error({ err: error }, 'A part did not close.');
    }
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  // Once: a second signal ends the process at once, as usual.
  process.once(signal, () => {
    void closeAll().then(() => process.exit(0));
  });
}

try {
  await start();
} catch (error) {
  console.error(error instanceof SetupError ? `The identity server cannot start:\n${error.message}` : error);
  await closeAll();
  process.exit(1);
}
