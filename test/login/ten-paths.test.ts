import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RequestSecondFactor, SecondFactorOptions } from 'passport-second-factor';
import { createTestClock } from 'passport-second-factor/testing';
import { expect, it } from 'vitest';
import {
  type Agent,
  createHost,
  type Host,
  readSession,
  sendPassword,
  setUpFactor,
  signInWhole,
  stepUp,
  submit,
  userOf,
  writeSession,
} from '../helpers/host.js';

const MINUTE = 60_000;
const acr = { oneFactor: 'one', twoFactors: 'two' };

/** A host that names its levels, shows what a login is worth, and logs in by a link and by another's name too. */
function createAssuringHost(options: Partial<SecondFactorOptions> = {}): Promise<Host> {
  return createHost({
    options: { assurance: { acr }, ...options },
    routes(app, host) {
      app.get('/assurance', (request, response) => {
        response.json(request.secondFactor);
      });
      app.post('/mail-link/:userId', (request, response, next) => {
        request.logIn(userOf(host, request.params.userId), (error?: unknown) => {
          if (error) next(error);
          else response.send('in');
        });
      });
      app.post('/become/:userId', (request, response, next) => {
        host.secondFactor
          .impersonate(request, userOf(host, request.params.userId))
          .then(() => response.send('done'), next);
      });
    },
  });
}

/** How each path is gone; a minute passes between any two proofs. */
const paths: Record<string, () => Promise<Agent>> = {
  async 'password only'() {
    return (await createAssuringHost()).signIn('bob');
  },

  async 'TOTP code'() {
    const host = await createAssuringHost();
    const { code } = await host.enrol('ada');
    return answerLater(host, code);
  },

  async 'backup code'() {
    const host = await createAssuringHost();
    const { backupCodes } = await host.enrol('ada');
    return answerLater(host, () => backupCodes[0] ?? '');
  },

  async 'enrolling login'() {
    const host = await createAssuringHost({ policy: { required: true } });
    const agent = await host.signIn('bob');
    host.clock.advance(MINUTE);
    await setUpFactor(host, agent);
    return agent;
  },

  async 'trusted browser'() {
    return (await signInTrusted()).agent;
  },

  async 'step-up'() {
    const { host, agent, code } = await signInTrusted();
    host.clock.advance(MINUTE);
    await stepUp(agent, code());
    return agent;
  },

  async 'mail link'() {
    const host = await createAssuringHost({ assurance: { acr, firstFactor: () => 'otp' } });
    const agent = host.agent();
    await agent.post('/mail-link/bob');
    return agent;
  },

  async 'adopted session'() {
    const until = new Date(createTestClock()() + 1000 * MINUTE);
    const host = await createAssuringHost({ login: { adoptUnstamped: { until } } });
    const agent = await host.signIn('eve');
    const { cookie } = (await readSession(host, agent))!;
    await writeSession(host, agent, { cookie, passport: { user: 'bob' } });
    return agent;
  },

  async impersonation() {
    const rules = { allow: () => true, record: () => undefined };
    const host = await createAssuringHost({ login: { impersonation: rules } });
    const { code } = await host.enrol('eve');
    const agent = await signInWhole(host, 'eve', code());
    await agent.post('/become/ada');
    return agent;
  },

  async 'after revocation'() {
    const host = await createAssuringHost();
    const { code } = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', code());
    await host.secondFactor.revoke('ada');
    return agent;
  },
};

async function answerLater(host: Host, code: () => string): Promise<Agent> {
  const agent = await host.signIn('ada');
  host.clock.advance(MINUTE);
  await submit(agent, '/two-factor/challenge', { code: code() });
  return agent;
}

async function signInTrusted(): Promise<{ host: Host; agent: Agent; code: () => string }> {
  const host = await createAssuringHost({ trustedBrowsers: {} });
  const { code } = await host.enrol('ada');
  const agent = await host.signIn('ada');
  await submit(agent, '/two-factor/challenge', { code: code(), trust: 'on' });
  await agent.post('/logout');
  host.clock.advance(MINUTE);
  await sendPassword(agent, 'ada');
  return { host, agent, code };
}

/** A row of the table, as docs/assurance.md has it. */
function toRow(path: string, login: RequestSecondFactor): string[] {
  if (login.state !== 'complete') return [path, ...Array<string>(4).fill(login.state)];
  const { proofs, authTime } = login;
  const last = Object.entries(proofs).find(([, at]) => Math.floor(at / 1000) === authTime)?.[0];
  const time = last === undefined ? 'absent' : last === 'pwd' ? 'of the first factor' : 'of the code';
  const list = (names: string[]): string => names.map((name) => `\`${name}\``).join(' ') || 'none';
  return [path, list(login.amr), login.acr ?? 'none', time, list(Object.keys(proofs))];
}

it('the ten paths of a login are worth what the documentation says', async () => {
  const rows: string[][] = [];
  for (const [path, go] of Object.entries(paths)) {
    rows.push(toRow(path, (await (await go()).get('/assurance')).body as RequestSecondFactor));
  }
  const page = readFileSync(fileURLToPath(new URL('../../docs/assurance.md', import.meta.url)), 'utf8');
  const [, table = ''] = /## Path by path\n\n([^]*?)\n\n/.exec(page) ?? [];
  const documented = table.split('\n').slice(2);
  expect(rows).toHaveLength(10);
  expect(rows).toEqual(
    documented.map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ),
  );
}, 30_000);
