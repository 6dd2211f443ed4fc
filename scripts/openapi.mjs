// `npm run check:openapi`: the OpenAPI document as an application serves it, under redocly's eyes (redocly.yaml).
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { Passport } from 'passport';
import { createSecondFactor } from '../dist/index.js';
import { memoryStorage } from '../dist/testing/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const path = '/api/v1/two-factor';
const file = join(root, '.cache', 'openapi.json');

mkdirSync(join(root, '.cache'), { recursive: true });
writeFileSync(file, JSON.stringify(await fetchDocument(), null, 2));
process.exitCode = lint();

async function fetchDocument() {
  const secondFactor = createSecondFactor({
    issuer: 'Example',
    origin: 'https://id.example',
    storage: memoryStorage(),
    keys: [{ id: 'any', secret: randomBytes(32) }],
    user: { id: () => 'ada', label: () => 'ada@example.org' },
  });
  secondFactor.protect(new Passport());
  const server = express().use(path, secondFactor.api()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${server.address().port}${path}/openapi.json`);
  const document = await response.json();
  server.close();
  if (!response.ok) throw new Error(`The document is not served: ${JSON.stringify(document)}`);
  return document;
}

/** Says nothing where nothing is wrong. */
function lint() {
  const redocly = fileURLToPath(import.meta.resolve('@redocly/cli/bin/cli.js'));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [redocly, 'lint', file, '--lint-config=error'],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
    },
  );
  if (status !== 0) console.error(stdout + stderr);
  return status ?? 1;
}
