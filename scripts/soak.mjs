// `npm run soak`: an hour of people who sign in, look at pages, change their second factor and sign out, at two nodes of the example on
// PostgreSQL and Redis (test/soak). Prints errors, memory and the time of answers, part by part, last.
//   npm run soak -- --minutes 5 --people 20
import { parseArgs } from 'node:util';
import { runReported } from './reported.mjs';

const text = { type: 'string' };
const { values } = parseArgs({ options: { minutes: text, people: text } });
const { status, lines } = runReported('SOAK_REPORT', ['--project', 'soak'], {
  ...(values.minutes && { SOAK_MINUTES: values.minutes }),
  ...(values.people && { SOAK_PEOPLE: values.people }),
});

const { done = {}, words = ['it did not come to its end'] } = lines.find((line) => line.done) ?? {};
for (const word of words.slice(0, 50)) console.log(word);
console.table(done);
const milliseconds = ({ median, p99, most }) =>
  `${median.toFixed(1)} / ${p99.toFixed(0)} / ${most.toFixed(0)}`;
console.table(
  lines
    .filter((line) => line.memory)
    .map(({ memory, page, code, ...counts }) => ({
      requests: counts.requests,
      'let in wrongly': counts.letIn,
      'accepted twice': counts.acceptedTwice,
      errors: counts.unexpected + counts.failed,
      'memory, MB': memory.map((size) => size.toFixed(0)).join(' + '),
      'page ms (median / 99 % / most)': milliseconds(page),
      'code ms': milliseconds(code),
    })),
);
process.exit(status);
