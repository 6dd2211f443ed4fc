import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { restyle } from '../../examples/restyle/restyle.js';
import { createHost } from '../helpers/host.js';

const read = (name: string): string =>
  readFileSync(new URL(`../../examples/restyle/${name}`, import.meta.url), 'utf8');

it('the example restyles every page in less than 60 lines', async () => {
  const host = await createHost({ options: restyle });
  await host.enrol('ada');
  const agent = await host.signIn('ada');
  const { text } = await agent.get('/two-factor/challenge');
  expect(text).toContain('<title>Enter your code – Flower shop</title>');
  expect(text).toContain('<link rel="stylesheet" href="/brand.css">');
  expect(text).toContain('The 6 digits for the Flower shop.');
  expect((await agent.get('/two-factor/challenge?use=backup-code')).text).toContain('class="shop-bar"');
  const lines = ['brand.css', 'restyle.ts'].flatMap((name) => read(name).trimEnd().split('\n'));
  expect(lines.length).toBeLessThan(60);
});
