// `npm run --silent sbom > sbom.json`: what a host gets with the package, as CycloneDX. What is for development is left out, and so are
// the peers (express, express-session, passport): they are the host's own.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = ['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only'];
const bill = JSON.parse(execFileSync('npm', options, { cwd: root, encoding: 'utf8' }));
// npm gives it the name of the folder.
bill.metadata.component.name = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).name;
console.log(JSON.stringify(bill, null, 2));
