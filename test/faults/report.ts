import { appendFileSync } from 'node:fs';

/** For the table that `npm run faults` prints. */
export function report(row: object): void {
  const file = process.env['FAULTS_REPORT'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(row)}\n`);
}
