// `npm run site`: README, all pages of docs and the reference of what is exported, as one searchable site that asks no other
// host. It lies in `site/`, or in the folder that is named. Whatever is wrong with it is said, and the exit code is 1.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, IndexEvent, PageEvent, ReflectionKind } from 'typedoc';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = resolve(process.argv[2] ?? join(root, 'site'));
/** The pages with a title and a group each, as TypeDoc wants them, in the folders in which their links expect each other. */
const copies = join(root, '.cache', 'site', String(process.pid));

const groups = {
  'Look up': [
    'options',
    'errors',
    'events',
    'json-api',
    'command-line',
    'report',
    'storage-adapters',
    'testing',
  ],
  Background: [
    ...['threat-model', 'changing-a-rule', 'decisions', 'conformance', 'accessibility', 'performance'],
    ...['packaging', 'status', 'CHANGELOG'],
  ],
};

const read = (path) => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');
const list = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => posix.join(folder, name));
const decisions = list('docs/decisions');
const pages = [...list('docs'), 'CHANGELOG.md'].sort((a, b) => placeInReadme(a) - placeInReadme(b));

try {
  process.exitCode = (await build()) ? 0 : 1;
} finally {
  rmSync(copies, { recursive: true, force: true });
}

async function build() {
  write('README.md', showLinks('README.md', readme));
  for (const path of pages) writePage(path, read(path), { group: groupOf(path) });
  for (const path of decisions) writePage(path, read(path), {});
  const links = decisions.map((path) => `- [${titleOf(read(path))}](decisions/${posix.basename(path)})`);
  const children = decisions.map((path) => `./decisions/${posix.basename(path)}`);
  const text = `# Decisions\n\nWhy things are as they are, and what else was looked at.\n\n${links.join('\n')}\n`;
  writePage('docs/decisions.md', text, { group: groupOf('docs/decisions.md'), children });
  cpSync(join(root, 'docs', 'pictures'), join(copies, 'docs', 'pictures'), { recursive: true });

  const app = await Application.bootstrap({
    name: 'passport-second-factor',
    entryPoints: ['src/index.ts', 'src/oidc/index.ts', 'src/testing/index.ts'].map((path) =>
      join(root, path),
    ),
    tsconfig: join(root, 'tsconfig.json'),
    readme: join(copies, 'README.md'),
    projectDocuments: [...pages, 'docs/decisions.md'].map((path) => join(copies, path)),
    basePath: copies,
    // Only what lies in the folder: no links to a repository.
    disableGit: true,
    disableSources: true,
    githubPages: false,
    hideGenerator: true,
    // `npm run check` looks at the types.
    skipErrorChecking: true,
    sort: ['kind', 'instance-first', 'alphabetical-ignoring-documents'],
    groupOrder: ['Guides', 'Look up', 'Modules', 'Background', '*'],
    navigation: { includeCategories: false, includeGroups: true },
    headings: { readme: false, document: true },
    markdownItLoader: letTablesScroll,
    searchInComments: true,
    searchInDocuments: true,
    searchGroupBoosts: { Guides: 40, 'Look up': 40 },
    customCss: join(root, 'scripts', 'site.css'),
    highlightLanguages: [
      ...['typescript', 'javascript', 'json', 'jsonc', 'css', 'html', 'sql', 'csv', 'diff', 'http'],
      ...['bash', 'shellscript', 'console'],
    ],
    // Types of arguments that only their function names are not exported. What is, `nameUndocumented` looks at.
    validation: { notExported: false, notDocumented: false, invalidLink: true, invalidPath: true },
  });
  // Nobody looks for the figures of a table, and among many of them lunr takes two parts of its index for one: its search would throw.
  app.renderer.on(IndexEvent.PREPARE_INDEX, ({ searchResults, searchFields }) => {
    for (const [index, found] of searchResults.entries())
      if (found.isDocument()) searchFields[index].document = withoutFigures(found.content);
  });
  // A folder is no page where no server makes one of it.
  app.renderer.on(PageEvent.END, (page) => {
    page.contents = page.contents.replace(/href="((?:\.\.\/)+)(?=[#"])/g, 'href="$1index.html');
  });
  const project = await app.convert();
  if (project) {
    project.groups.find(({ title }) => title === 'Modules').title = 'Reference';
    linkPages(project);
    app.validate(project);
    nameUndocumented(project, app.logger);
    await app.generateDocs(project, out);
  }
  return project && !app.logger.hasWarnings() && !app.logger.hasErrors();
}

/** README leads to the pages in the order in which they are best read. */
function placeInReadme(path) {
  const place = readme.lastIndexOf(`](${path})`);
  return place === -1 ? Infinity : place;
}

function groupOf(path) {
  const name = posix.basename(path, '.md');
  return Object.keys(groups).find((group) => groups[group].includes(name)) ?? 'Guides';
}

function titleOf(text) {
  return /^# (.+)$/m.exec(text)[1].replaceAll('`', '');
}

/** The heading becomes the title. */
function writePage(path, text, about) {
  const head = Object.entries({ title: titleOf(text), ...about }).map(
    ([name, value]) => `${name}: ${JSON.stringify(value)}`,
  );
  write(path, `---\n${head.join('\n')}\n---\n${showLinks(path, text.replace(/^# .+$/m, ''))}`);
}

function write(path, text) {
  mkdirSync(dirname(join(copies, path)), { recursive: true });
  writeFileSync(join(copies, path), text);
}

/** What is in the repository and not on the site is named instead of linked. */
function showLinks(path, text) {
  return text.replace(/(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g, (link, words, target) => {
    const file = posix.join(posix.dirname(path), target);
    if (file === 'docs/decisions') return `[${words}](${target}.md)`;
    if ([...pages, ...decisions, 'README.md'].includes(file)) return link;
    // What is not there at all is TypeDoc's to complain about.
    if (!existsSync(join(root, file))) return link;
    const name = words.replaceAll('`', '');
    return name === file ? `\`${file}\`` : `${words} (\`${file}\`)`;
  });
}

/** Whatever is exported, and its methods, have a docstring; what shapes inside of one need no more is for its author to say. */
function nameUndocumented(project, logger) {
  const { Module, Variable, Function, Class, Interface, TypeAlias, Method } = ReflectionKind;
  const kinds = Module | Variable | Function | Class | Interface | TypeAlias | Method;
  for (const reflection of project.getReflectionsByKind(kinds)) {
    const { signatures = [], inheritedFrom, flags } = reflection;
    const isSaid = [reflection, ...signatures].some((one) => one.hasComment());
    const isOurs = !inheritedFrom && !flags.isExternal && !reflection.getFullName().includes('__type');
    if (isOurs && !isSaid) logger.warn(`${reflection.getFullName()} has no docstring`);
  }
}

/** `docs/keys.md` in a docstring leads to that page. */
function linkPages(project) {
  const byPath = new Map(
    pages.map((path) => [path, project.documents.find(({ name }) => name === titleOf(read(path)))]),
  );
  const link = (part) => {
    if (part.kind !== 'text') return [part];
    return part.text.split(/(docs\/[\w-]+\.md)/).map((text) => {
      const target = byPath.get(text);
      return target
        ? { kind: 'inline-tag', tag: '@link', text: target.name, target }
        : { kind: 'text', text };
    });
  };
  for (const { comment } of Object.values(project.reflections)) {
    if (!comment) continue;
    for (const content of [comment.summary, ...comment.blockTags.map((tag) => tag.content)])
      content.splice(0, Infinity, ...content.flatMap(link));
  }
}

/** By the keyboard too. */
function letTablesScroll({ renderer }) {
  renderer.rules.table_open = () =>
    '<div class="table" role="region" aria-label="Table" tabindex="0"><table>';
  renderer.rules.table_close = () => '</table></div>';
}

/** The words of a page; numbers, with whatever signs, are none. */
function withoutFigures(content) {
  const text = content.map((part) => part.text).join('\n');
  return text.replace(/(?<!\S)[^\s\p{L}]*\d[^\s\p{L}]*(?!\S)/gu, ' ');
}
