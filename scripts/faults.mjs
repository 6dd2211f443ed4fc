// `npm run faults`: what happens to requests while a server that a node needs is gone, silent, slow or restarted. Runs
// test/faults against the example and prints a table last.
import { runReported } from './reported.mjs';

// One file after the other: time is measured.
const { status, lines: rows } = runReported('FAULTS_REPORT', ['--project', 'faults', '--maxWorkers=1']);

// A time that was never over is `Infinity`, which is null in JSON; one that was not taken is not there.
const milliseconds = (value) =>
  value === undefined ? '–' : value === null ? 'never' : `${Math.round(value)} ms`;
console.table(
  rows.map(({ fault, requests, letIn, acceptedTwice, lost, refused, ...times }) => ({
    fault,
    requests,
    'let in wrongly': letIn,
    'accepted twice': acceptedTwice ?? '–',
    lost: lost ?? '–',
    refused,
    'slowest answer': milliseconds(times.slowest),
    'with a password hash': milliseconds(times.slowestAfterHash),
    'recovered after': milliseconds(times.recovery),
    unexpected: times.unexpected.length,
  })),
);
process.exit(status);
