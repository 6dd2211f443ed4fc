import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Storage } from 'passport-second-factor';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type Agent,
  API,
  createHost,
  type Host,
  ORIGIN,
  readCounters,
  readFormToken,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

const faces = ['pages', 'API'] as const;

interface Shot {
  path: string;
  type: string;
  body: string;
}

async function prepare(agent: Agent, face: (typeof faces)[number], code: string): Promise<Shot> {
  if (face === 'API') {
    return { path: `${API}/verify/me`, type: 'application/json', body: JSON.stringify({ code }) };
  }
  const token = readFormToken((await agent.get('/two-factor/challenge')).text);
  const body = new URLSearchParams({ second_factor_token: token, code }).toString();
  return { path: '/two-factor/challenge', type: 'application/x-www-form-urlencoded', body };
}

async function listen(host: Host): Promise<number> {
  const server = host.app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Holds every attempt where it is about to be counted, until it is let go. */
function createGate() {
  let inside = 0;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    open: () => open(),
    /** Until so many requests stand there: their bodies have been read. */
    untilInside: (count: number) => vi.waitFor(() => expect(inside).toBe(count), 5_000),
    wrapStorage: (storage: Storage): Storage => ({
      ...storage,
      async spendAttempt(attempt) {
        inside += 1;
        await opened;
        return storage.spendAttempt(attempt);
      },
    }),
  };
}

async function send(port: number, agent: Agent, { path, type, body }: Shot): Promise<Socket> {
  const cookie = agent.jar
    .getCookies({ domain: '127.0.0.1', path: '/', secure: false, script: false })
    .toValueString();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const head = [`POST ${path} HTTP/1.1`, 'Host: localhost', `Origin: ${ORIGIN}`, `Cookie: ${cookie}`];
  const content = [`Content-Type: ${type}`, `Content-Length: ${String(body.length)}`, '', body];
  socket.write([...head, ...content].join('\r\n'));
  return socket;
}

describe.each(faces)('R4 somebody who hangs up before the answer comes, over the %s', (face) => {
  it('has every guess counted, also twenty at once over four logins', async () => {
    const gate = createGate();
    const host = await createHost(gate);
    const factor = await host.enrol('ada');
    const port = await listen(host);
    const agents = await Promise.all(Array.from({ length: 4 }, () => host.signIn('ada')));
    const sockets = await Promise.all(
      agents.flatMap((agent) =>
        wrongCodes(factor, 5).map(async (code) => send(port, agent, await prepare(agent, face, code))),
      ),
    );
    await gate.untilInside(20);
    for (const socket of sockets) socket.destroy();
    gate.open();
    await vi.waitFor(() => expect(readCounters(host, 'ada').totp).toBe(5), 5_000);
    const events = await host.options.storage.listEvents('ada', 100);
    expect(events.filter(({ kind }) => kind === 'answer.rejected')).toHaveLength(5);
    const late = await host.signIn('ada');
    const answer = await late.post(`${API}/verify/me`).set('Origin', ORIGIN).send({ code: factor.code() });
    expect(answer.body.code).toBe('attempts-delayed');
  });

  it('has a right code used up all the same', async () => {
    const gate = createGate();
    const host = await createHost(gate);
    const factor = await host.enrol('ada');
    const port = await listen(host);
    const agent = await host.signIn('ada');
    const socket = await send(port, agent, await prepare(agent, face, factor.code()));
    await gate.untilInside(1);
    socket.destroy();
    gate.open();
    await vi.waitFor(async () => {
      const events = await host.options.storage.listEvents('ada', 10);
      expect(events.map(({ kind }) => kind)).toEqual(['login.completed']);
    }, 5_000);
    const other = await host.signIn('ada');
    const answer = await other.post(`${API}/verify/me`).set('Origin', ORIGIN).send({ code: factor.code() });
    expect(answer.body.code).toBe('code-used');
    expect(await whoIs(other)).toBe('nobody');
  });
});
