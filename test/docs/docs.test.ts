import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import * as testingKit from '../../src/testing/index.js';
import { FRESH_FOR, PENDING_LIFETIME, SUPPORT_CODE_LIFETIMES } from '../../src/limits.js';
import { optionsSchema } from '../../src/options-schema.js';
import { parseOptions } from '../../src/settings.js';
import { EPOCH_LIFETIME, REDIS_PATIENCE } from '../../src/storage/epoch-cache.js';
import type { SecondFactorOptions } from '../../src/options.js';
import { challengeOperations } from '../../src/challenge/operations.js';
import { enrolmentOperations } from '../../src/enrolment/operations.js';
import { showDescription } from '../../src/http/openapi.js';
import { browserOperations } from '../../src/management/browser-operations.js';
import { managementOperations } from '../../src/management/operations.js';
import { severities } from '../../src/findings.js';
import { documentedProblems } from '../report/installations.js';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8');

/** First cells of the rows of all tables on a page, where they are code. */
function firstCells(page: string): string[] {
  return [...read(page).matchAll(/^\| `([^`|]+)`\s+\|/gm)].map((match) => match[1] ?? '');
}

/** What of a zod schema is used here. */
interface Node {
  def: { innerType?: Node };
  shape?: Record<string, Node>;
}

/** `paths.pages`, `totp.window`, …: objects are named by their fields, one level deep. */
function optionNames(): string[] {
  const shapeOf = (node: Node): Record<string, Node> | undefined =>
    node.shape ?? (node.def.innerType && shapeOf(node.def.innerType));
  const top = Object.entries((optionsSchema as unknown as { shape: Record<string, Node> }).shape);
  return top.flatMap(([name, node]) => {
    const fields = Object.keys(shapeOf(node) ?? {});
    return fields.length === 0 ? [name] : fields.map((field) => `${name}.${field}`);
  });
}

describe('the documentation', () => {
  it('lists every option of createSecondFactor, and no other', () => {
    expect(firstCells('docs/options.md').sort()).toEqual(optionNames().sort());
  });

  it('gives the fixed values as they are', () => {
    const user = { id: () => '1', label: () => 'ada' };
    const keys = [{ id: 'a', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n)) }];
    const storage = testingKit.memoryStorage();
    const options: SecondFactorOptions = { issuer: 'A', origin: 'http://a.example', storage, keys, user };
    const { limits, window } = parseOptions(options);
    const page = read('docs/options.md').replace(/ +\|/g, ' |');
    expect(page).toContain(`| answers a pending login or a step-up takes | ${String(limits.perPending)} |`);
    expect(page).toContain(
      `from the ${String(limits.delayFrom)}th consecutive failure | ${String((limits.delays[0] ?? 0) / 1000)} s`,
    );
    expect(page).toContain(`wait to be saved | ${String(PENDING_LIFETIME / 60_000)} minutes |`);
    expect(page).toContain(`age of the proof for security changes | ${String(FRESH_FOR / 60_000)} minutes |`);
    const { usual, shortest, longest } = SUPPORT_CODE_LIFETIMES;
    const [minutes, least, hours] = [usual / 60_000, shortest / 60_000, longest / 3_600_000].map(String);
    expect(page).toContain(
      `| life of a support code | ${minutes} minutes, or ${least} minute to ${hours} hours |`,
    );
    const times = [EPOCH_LIFETIME, REDIS_PATIENCE].map((time) => `${String(time / 1000)} s`).join('; ');
    expect(page).toContain(`| life of a cached epoch; time that Redis has to answer for it | ${times} |`);
    expect(page).toContain(`| \`${String(limits.cap)}\` |`);
    expect(page).toContain(`| \`{ past: ${String(window.past)}, future: ${String(window.future)} }\` |`);
  });

  it('lists every error code with its status, and no other', () => {
    const statuses = [...read('src/errors.ts').matchAll(/^ {2}'([\w-]+)': (\d{3}),$/gm)].map((m) => [
      m[1],
      m[2],
    ]);
    const documented = [...read('docs/errors.md').matchAll(/^\| `([\w-]+)`\s+\| (\d{3})\s+\|/gm)].map((m) => [
      m[1],
      m[2],
    ]);
    expect(statuses.length).toBeGreaterThan(5);
    expect(documented).toEqual(statuses);
  });

  it('lists every operation of the JSON API with its call, and no other', () => {
    const all = {
      ...{ ...challengeOperations, ...enrolmentOperations, ...managementOperations, ...browserOperations },
      showDescription,
    };
    const calls = Object.values(all).map(({ id, method, path }) => [id, `${method.toUpperCase()} ${path}`]);
    const rows = read('docs/json-api.md').matchAll(/^\| `(\w+)` +\| `((?:GET|POST) [^`]+)` +\|/gm);
    expect([...rows].map(([, id, call]) => [id, call])).toEqual(calls);
  });

  it('lists every method of the service', () => {
    const [, body = ''] = /interface TwoFactorService \{([^]*?)\n\}/.exec(read('src/service.ts')) ?? [];
    const methods = [...body.matchAll(/^ {2}(\w+)\(([^)]*)\)/gm)].map(([, name = '', parameters = '']) => {
      return `${name}(${parameters.replaceAll(/: \w+/g, '')})`;
    });
    expect(methods.length).toBeGreaterThan(5);
    const documented = firstCells('docs/json-api.md').filter((cell) => cell.endsWith(')'));
    expect(documented).toEqual(methods);
  });

  it('lists every problem of the report with its severity, and no other', () => {
    expect(documentedProblems()).toEqual(Object.entries(severities));
  });

  it('lists everything that the testing kit exports', () => {
    const [, exports = ''] = read('docs/testing.md').split('## All exports');
    const documented = [...exports.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name);
    expect(documented.sort()).toEqual(Object.keys(testingKit).sort());
    const types = [...read('src/testing/index.ts').matchAll(/\btype (\w+)|type \{ (\w+) \}/g)];
    const [, named = ''] = exports.split('Types: ');
    expect([...named.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort()).toEqual(
      types.map(([, inline, alone]) => inline ?? alone).sort(),
    );
  });

  it('lists every environment variable of the example in .env.example', () => {
    const used = new Set(
      (
        read('examples/identity-server/src/config.ts') +
        read('examples/identity-server/src/provider-config.ts')
      ).match(/\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|\bPORT\b|\bADMINISTRATORS\b/g),
    );
    const listed = new Set([...read('.env.example').matchAll(/^#?\s*([A-Z][A-Z0-9_]+)=/gm)].map((m) => m[1]));
    for (const name of listed) expect(used).toContain(name);
    for (const name of [
      'PORT',
      'DATABASE_URL',
      'REDIS_URL',
      'SESSION_SECRET',
      'TWO_FACTOR_KEYS',
      'BASE_URL',
      'ADMINISTRATORS',
    ]) {
      expect(listed).toContain(name);
    }
  });

  it('names only files that exist', () => {
    const pages = [
      'README.md',
      ...readdirSync(`${root}/docs`)
        .filter((name) => name.endsWith('.md'))
        .map((name) => `docs/${name}`),
    ];
    for (const page of pages) {
      const folder = page.includes('/') ? 'docs' : '.';
      for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
        expect(
          ts.sys.fileExists(`${root}/${folder}/${target}`) ||
            ts.sys.directoryExists(`${root}/${folder}/${target}`),
          `${page}: ${target}`,
        ).toBe(true);
      }
    }
    for (const [, target = ''] of read('docs/changing-a-rule.md').matchAll(/`(test\/attacks\/[\w-]+)`/g)) {
      expect(ts.sys.fileExists(`${root}/${target}.test.ts`), target).toBe(true);
    }
  });

  it('shows code that compiles', () => {
    const snippets = new Map<string, string>();
    for (const page of [
      'README.md',
      ...[
        'testing',
        'logins',
        'step-up',
        'json-api',
        'storage-adapters',
        'report',
        'events',
        'trusted-browsers',
        'assurance',
        'openid-connect',
        'customising',
        'languages',
        'policy',
        'migration',
        'adopting',
      ].map((name) => `docs/${name}.md`),
    ]) {
      const found = [...read(page).matchAll(/<!-- test: compiles -->\s+```ts\n([\s\S]*?)```/g)];
      expect(found.length, page).toBeGreaterThan(0);
      for (const [index, [, code = '']] of found.entries()) snippets.set(`${page}-${String(index)}`, code);
    }
    expect(compile(snippets)).toEqual([]);
  }, 60_000);
});

/** What a host has at hand where a snippet stands. */
const HOST = `
import csurf from 'csurf';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import supertest from 'supertest';
import type { CsrfOptions, LoginOptions, SecondFactor, SecondFactorOptions, TextChanges } from 'passport-second-factor';
declare const app: express.Express;
declare const store: session.Store;
declare const sessionSecret: string;
declare const yourOptions: SecondFactorOptions;
declare module 'express-session' { interface SessionData { wantsToBeRemembered?: boolean; returnTo?: string } }
declare const cookieOptions: express.CookieOptions;
declare const logout: express.RequestHandler;
declare const oldTable: {
  findByUser(user: Express.User): Promise<{ isConfirmed: boolean; decryptedSecret: string } | undefined>;
  readAll(): AsyncIterable<import('passport-second-factor').ImportRecord>;
};
declare const yourClients: import('oidc-provider').ClientMetadata[];
declare function findOidcAccount(sub: string): Promise<import('oidc-provider').Account | undefined>;
declare const askConsent: express.RequestHandler;
declare function allUsers(): AsyncIterable<Express.User>;
declare global { namespace Express { interface User { roles: string[] } } }
declare const requireAdministrator: express.RequestHandler;
declare function issueRememberToken(user: Express.User): Promise<string>;
declare const reports: express.RequestHandler;
declare const exportData: express.RequestHandler;
declare const transfer: express.RequestHandler;
declare const auditLog: { impersonation(actor: Express.User, user: Express.User): Promise<void> };
declare function isSupport(user: Express.User): boolean;
declare const users: { languageOf(id: string): 'en' | 'id'; mailOf(id: string): string };
declare const mailer: { sendMail(mail: { to: string; subject: string; text: string }): Promise<void> };
declare function escapeHtml(text: string): string;
declare function ask(question: string): Promise<string>;
declare function issueToken(user: Express.User): string;
declare function generateToken(req: express.Request): string;
declare function checkPassword(user: Express.User, password: string): Promise<boolean>;
type Unused = CsrfOptions | LoginOptions | TextChanges;
void [{} as Unused, csurf, oldTable, yourClients, findOidcAccount, askConsent, allUsers, escapeHtml, cookieOptions, logout, exportData, transfer, requireAdministrator, issueRememberToken, reports, auditLog, isSupport, ask, issueToken, generateToken, users, mailer, app, store, sessionSecret, yourOptions, checkPassword, session, passport, supertest];
`;

/** For snippets that do not make these themselves. */
const REST = `
declare const secondFactor: SecondFactor;
void secondFactor;
`;

/** All snippets in one program, each as a module of its own. @returns what is wrong, with the page it stands on. */
function compile(snippets: ReadonlyMap<string, string>): string[] {
  const texts = new Map(
    [...snippets].map(([name, code]) => {
      const rest = code.includes('const secondFactor') ? '' : REST;
      return [`${root}/test/docs/${name.replaceAll('/', '-')}.ts`, [HOST, rest, code].join('\n')];
    }),
  );
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  };
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.getSourceFile = (path, language) => {
    const text = texts.get(path);
    return text === undefined ? getSourceFile(path, language) : ts.createSourceFile(path, text, language);
  };
  return ts
    .getPreEmitDiagnostics(ts.createProgram([...texts.keys()], options, host))
    .map(({ file, messageText }) => {
      const page = file?.fileName.slice(root.length) ?? '';
      return `${page}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
}
