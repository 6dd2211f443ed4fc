import { posix } from 'node:path';
import ts from 'typescript';

/** The rooms of src in the order of docs: a file imports from its own room or an earlier one. */
const order = [
  ...['clock', 'model', 'errors', 'events', 'findings', 'views'],
  'texts',
  'crypto',
  ...['totp', 'backup-codes'],
  'http',
  ...['storage', 'keys'],
  ...['limits', 'options', 'options-schema', 'settings'],
  ...['audit', 'trusted-browser', 'policy', 'import'],
  'login',
  'challenge',
  ...['enrolment', 'management'],
  'report',
  ...['faces', 'service', 'telemetry'],
  'second-factor',
  'index',
  'oidc',
  'conformance',
  'cli',
];

const sqlPackages = ['kysely', 'libsql', 'better-sqlite3', 'pg', 'mysql2'];
const webPackages = [
  'express',
  'express-session',
  'express-serve-static-core',
  'passport',
  'passport-custom',
];
const randomSources = [
  'randomBytes',
  'randomUUID',
  'randomInt',
  'randomFillSync',
  'randomFill',
  'getRandomValues',
];

/** Reads every file of src and views and returns one sentence for each rule of docs that is broken. */
export function findFaults(files: Record<string, string>): string[] {
  return Object.entries(files).flatMap(([path, text]) => {
    const faults = path.endsWith('.ejs') ? checkView(path, text) : checkSource(path, text);
    return faults.map((fault) => `${path}: ${fault}`);
  });
}

function checkSource(path: string, text: string): string[] {
  const faults: string[] = [];
  walk(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true), (node) => {
    const name = importedName(node);
    if (name !== undefined) faults.push(...checkImport(path, name));
    const isOutside = (place: string): boolean => !path.startsWith(place);
    if (isOutside('src/clock.ts') && readsClock(node))
      faults.push('reads the clock, as only src/clock.ts may');
    if (isOutside('src/crypto/random.ts') && isOutside('src/testing/') && readsRandom(node)) {
      faults.push('draws random values, as only src/crypto/random.ts may');
    }
    if (isOutside('src/login/') && isOutside('src/http/csrf.ts') && readsSession(node)) {
      faults.push('touches the session, as only src/login and src/http/csrf.ts may');
    }
    if (isOutside('src/cli/') && readsEnvironment(node))
      faults.push('reads the environment, as only src/cli may (R13)');
    if (isFlow(path) && ts.isIdentifier(node) && node.text === 'Express')
      faults.push('is a flow and knows Express');
  });
  return [...new Set(faults)];
}

function checkImport(path: string, name: string): string[] {
  const packageName = name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
  if (!name.startsWith('.')) {
    const faults: string[] = [];
    if (sqlPackages.includes(packageName) && !path.startsWith('src/storage/sql/')) {
      faults.push(`imports ${name}, as only src/storage/sql may`);
    }
    if (webPackages.includes(packageName) && isFlow(path)) faults.push(`is a flow and imports ${name}`);
    if (webPackages.includes(packageName) && isOutsider(path))
      faults.push(`looks from outside and imports ${name}`);
    return faults;
  }
  const target = posix.join(posix.dirname(path), name);
  if (!target.startsWith('src/')) return [`imports ${name}, which is outside of src`];
  const from = roomOf(path);
  const to = roomOf(target);
  if (from === to || from === 'testing') return [];
  if (isOutsider(path)) return checkOutsider(to, target, name);
  for (const room of [from, to]) {
    if (!order.includes(room))
      return [`room ${room} has no place in the order of test/tooling/architecture.ts`];
  }
  return order.indexOf(to) < order.indexOf(from) ? [] : [`imports ${name}, but ${to} stands after ${from}`];
}

/** `src/totp/qr.ts` is in room totp; a file directly in src is a room of its own. */
function roomOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.[jt]s$/, '');
}

function isFlow(path: string): boolean {
  return posix.basename(path) === 'flow.ts';
}

/** The conformance suite sees an application from outside, over HTTP. */
function isOutsider(path: string): boolean {
  return path.startsWith('src/conformance/');
}

/** Of our own they need the clock, random values and codes, and nothing that the suite is there to judge. */
function checkOutsider(to: string, target: string, name: string): string[] {
  const codes = ['src/testing/authenticator.js', 'src/testing/totp-code.js'];
  const isAllowed = ['clock', 'crypto', 'totp'].includes(to) || codes.includes(target);
  return isAllowed ? [] : [`looks from outside and imports ${name}`];
}

/** The module named by an import or export, static or dynamic, of values or types. */
function importedName(node: ts.Node): string | undefined {
  const named =
    ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
      ? node.moduleSpecifier
      : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
        ? node.argument.literal
        : isCallOf(node, 'import', 'require')
          ? node.arguments[0]
          : undefined;
  return named && ts.isStringLiteralLike(named) ? named.text : undefined;
}

function isCallOf(node: ts.Node, ...names: string[]): node is ts.CallExpression {
  return ts.isCallExpression(node) && names.includes(node.expression.getText());
}

function readsClock(node: ts.Node): boolean {
  const isBareDate =
    ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length;
  return isBareDate || isCallOf(node, 'Date') || isMember(node, /^Date$/, 'now');
}

function readsRandom(node: ts.Node): boolean {
  if (isMember(node, /^Math$/, 'random')) return true;
  if (randomSources.some((name) => isMember(node, /./, name))) return true;
  // A function of src/crypto/random.ts may well bear such a name.
  if (!ts.isImportDeclaration(node) || !/^(node:)?crypto$/.test(importedName(node) ?? '')) return false;
  const bindings = node.importClause?.namedBindings;
  if (!bindings || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.some((element) =>
    randomSources.includes((element.propertyName ?? element.name).text),
  );
}

/** `req.session`, anything inside of `….session`, and `const { session } = …`. */
function readsSession(node: ts.Node): boolean {
  if (isMember(node, /(^|\.)req(uest)?$/, 'session')) return true;
  if (isMember(node, /./, 'session')) {
    const { parent } = node;
    const isObject = ts.isPropertyAccessExpression(parent) || ts.isElementAccessExpression(parent);
    return isObject && parent.expression === node;
  }
  return (
    ts.isBindingElement(node) &&
    ts.isObjectBindingPattern(node.parent) &&
    (node.propertyName ?? node.name).getText() === 'session'
  );
}

function readsEnvironment(node: ts.Node): boolean {
  const isImport = ts.isImportDeclaration(node) && /^(node:)?process$/.test(importedName(node) ?? '');
  return isImport || isMember(node, /(^|\.)process$/, 'env');
}

/** `object.name` or `object['name']`, with or without `?.` or `!`. */
function isMember(node: ts.Node, object: RegExp, name: string): boolean {
  const isAccess = ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node);
  if (!isAccess) return false;
  const key = ts.isPropertyAccessExpression(node) ? node.name : node.argumentExpression;
  const isKey = ts.isIdentifier(key) || ts.isPrivateIdentifier(key) || ts.isStringLiteralLike(key);
  return isKey && key.text === name && object.test(node.expression.getText().replaceAll(/[?!]/g, ''));
}

/** Raw output stands for an include, for the QR code, which we drew ourselves, and for a page in its layout; nothing else. */
function checkView(path: string, text: string): string[] {
  return [...text.matchAll(/<%-(.*?)[-_]?%>/gs)]
    .map((match) => (match[1] ?? '').trim())
    .filter((expression) => !/^([a-z]+\.)*qr(Svg)?$/i.test(expression) && !isInclude(expression))
    .filter((expression) => path !== 'views/layout.ejs' || expression !== 'content')
    .map((expression) => `outputs \`${expression}\` raw, as only includes and the QR code may be`);
}

function isInclude(expression: string): boolean {
  const { statements } = ts.createSourceFile('view.js', expression, ts.ScriptTarget.Latest, true);
  const [first] = statements;
  return (
    statements.length === 1 &&
    first !== undefined &&
    ts.isExpressionStatement(first) &&
    isCallOf(first.expression, 'include')
  );
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}
