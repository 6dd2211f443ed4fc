import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findFaults } from './architecture.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

function readAll(folder: string, ending: string): Record<string, string> {
  const paths = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    paths
      .filter((path) => path.endsWith(ending))
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
      .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
  );
}

describe('the sources', () => {
  it('keep the order of the rooms and the rules of where things are done', () => {
    const files = { ...readAll('src', '.ts'), ...readAll('views', '.ejs') };
    expect(Object.keys(files).length).toBeGreaterThan(10);
    expect(findFaults(files)).toEqual([]);
  });
});

describe('findFaults', () => {
  const refused: [rule: string, path: string, text: string, fault: RegExp][] = [
    ['a later room', 'src/totp/a.ts', "import { b } from '../http/b.js';", /http stands after totp/],
    [
      'a type of a later room',
      'src/totp/a.ts',
      "import type { B } from '../login/b.js';",
      /login stands after/,
    ],
    ['a type named in place', 'src/totp/a.ts', "let b: import('../login/b.js').B;", /login stands after/],
    ['a re-export', 'src/http/a.ts', "export * from '../options.js';", /options stands after http/],
    ['a dynamic import', 'src/http/a.ts', "await import('../options.js');", /options stands after http/],
    [
      'a top-level file of later use',
      'src/model.ts',
      "import { e } from './errors.js';",
      /errors stands after model/,
    ],
    ['the door', 'src/login/a.ts', "import { e } from '../index.js';", /index stands after login/],
    ['testing', 'src/login/a.ts', "import { e } from '../testing/index.js';", /room testing has no place/],
    [
      'a room without a place',
      'src/utils/a.ts',
      "import { e } from '../errors.js';",
      /room utils has no place/,
    ],
    ['files outside of src', 'src/http/a.ts', "import p from '../../package.json';", /outside of src/],
    [
      'Express in a flow',
      'src/challenge/flow.ts',
      "import type { Request } from 'express';",
      /flow and imports express/,
    ],
    [
      'Passport in a flow',
      'src/enrolment/flow.ts',
      "let p: import('passport').Profile;",
      /flow and imports passport/,
    ],
    [
      "Express's global types in a flow",
      'src/enrolment/flow.ts',
      'let u: Express.User;',
      /flow and knows Express/,
    ],
    [
      'Express in the conformance suite',
      'src/conformance/run.ts',
      "import type { Request } from 'express';",
      /looks from outside and imports express/,
    ],
    [
      'what the conformance suite judges',
      'src/conformance/run.ts',
      "import { a } from '../challenge/answer.js';",
      /looks from outside and imports/,
    ],
    ['SQL elsewhere', 'src/storage/memory/events.ts', "import { sql } from 'kysely';", /imports kysely/],
    [
      'a part of Kysely elsewhere',
      'src/login/a.ts',
      "import type { A } from 'kysely/helpers/sqlite';",
      /imports kysely/,
    ],
    ['Date.now', 'src/login/a.ts', 'const t = Date.now();', /reads the clock/],
    ['Date.now handed on', 'src/login/a.ts', 'const clock = { now: Date.now };', /reads the clock/],
    ['new Date()', 'src/login/a.ts', 'const t = new Date();', /reads the clock/],
    ['Date()', 'src/login/a.ts', 'const t = Date();', /reads the clock/],
    ['the clock in testing', 'src/testing/a.ts', 'const t = Date.now();', /reads the clock/],
    ['randomBytes', 'src/totp/a.ts', "import { randomBytes as r } from 'node:crypto';", /draws random/],
    [
      'a renamed crypto',
      'src/totp/a.ts',
      "import * as c from 'node:crypto';\nc.randomBytes(9);",
      /draws random/,
    ],
    ['crypto.randomUUID', 'src/totp/a.ts', 'const id = crypto.randomUUID();', /draws random/],
    ['globalThis.crypto', 'src/totp/a.ts', "globalThis.crypto['getRandomValues'](a);", /draws random/],
    ['Math.random', 'src/totp/a.ts', 'const id = Math.random();', /draws random/],
    ['req.session', 'src/challenge/pages.ts', 'save(req.session);', /touches the session/],
    ['request.session?.', 'src/challenge/pages.ts', 'a = request.session?.user;', /touches the session/],
    ["request['session']", 'src/challenge/pages.ts', "a = request['session'];", /touches the session/],
    ['another name for the request', 'src/challenge/pages.ts', 'a.session.user = b;', /touches the session/],
    [
      'a session taken apart',
      'src/challenge/pages.ts',
      'const { session } = request;',
      /touches the session/,
    ],
    ['a session renamed', 'src/challenge/pages.ts', 'const { session: s } = request;', /touches the session/],
    ['process.env', 'src/options.ts', "const key = process.env['KEY'];", /environment/],
    ['process.env in the report', 'src/report/a.ts', "const key = process.env['KEY'];", /environment/],
    ['globalThis.process.env', 'src/options.ts', 'const { KEY } = globalThis.process.env;', /environment/],
    ['env of node:process', 'src/options.ts', "import { env } from 'node:process';", /environment/],
    ['raw output', 'views/challenge/answer.ejs', '<p><%- name %></p>', /outputs `name` raw/],
    ['raw output behind an include', 'views/a.ejs', "<%- include('head') + name -%>", /raw/],
    ['raw output that only looks like the QR', 'views/a.ejs', '<%- qr + name %>', /raw/],
  ];

  it.each(refused)('reports %s', (_rule, path, text, fault) => {
    expect(findFaults({ [path]: text })).toEqual([expect.stringMatching(fault)]);
  });

  const accepted: [rule: string, path: string, text: string][] = [
    ['an earlier room', 'src/login/a.ts', "import { b } from '../http/csrf.js';\nimport c from './c.js';"],
    [
      'the conformance suite making codes',
      'src/conformance/person.ts',
      "import { systemClock } from '../clock.js';\nimport { totpCode } from '../testing/totp-code.js';",
    ],
    ['the environment for the command line', 'src/cli/report.ts', "const mode = process.env['NODE_ENV'];"],
    ['the command line', 'src/cli/main.ts', "import { runChecks } from '../conformance/run.js';"],
    ['testing importing anything', 'src/testing/index.ts', "import { b } from '../index.js';"],
    ['random values in testing', 'src/testing/index.ts', "import { randomUUID } from 'node:crypto';"],
    ['Kysely in storage/sql', 'src/storage/sql/a.ts', "import { sql } from 'kysely';"],
    [
      'our own randomBytes',
      'src/totp/a.ts',
      "import { randomBytes } from '../crypto/random.js';\nrandomBytes(20);",
    ],
    ['a given instant', 'src/http/a.ts', 'const t = new Date(now).toISOString();'],
    ['the clock in its place', 'src/clock.ts', 'export const now = () => Date.now();'],
    ['random values in their place', 'src/crypto/random.ts', "import { randomBytes } from 'node:crypto';"],
    ['the session in its places', 'src/login/a.ts', 'request.session.user = 1;'],
    ['the session for the form token', 'src/http/csrf.ts', 'request.session.user = 1;'],
    ['words in comments', 'src/totp/a.ts', '// not Date.now(), process.env or req.session\nexport {};'],
    ['Express in pages', 'src/challenge/pages.ts', "import { Router } from 'express';"],
    ['escaped output', 'views/a.ejs', '<%= name %>'],
    ['includes', 'views/a.ejs', "<%- include('../layout/head', { title: page.title }) -%>"],
    ['the QR code', 'views/a.ejs', '<%- setup.qrSvg %><%- qr %>'],
  ];

  it.each(accepted)('accepts %s', (_rule, path, text) => {
    expect(findFaults({ [path]: text })).toEqual([]);
  });
});
