import type { en } from './en/en.js';

/**
 * Every word that people read of us, in one language: pages, answers, activity and notices. `locale` is for `Intl`; `direction` is how
 * the language is written. What is missing in ours does not compile.
 */
export type Texts = typeof en;

/** Some of these words. The rest stays as it is: ours in a language that we have, else English. */
export type TextChanges = Changes<Texts>;

type Changes<Words> = {
  [Name in keyof Words]?: Words[Name] extends string | ((...values: never[]) => string)
    ? Words[Name]
    : Changes<Words[Name]>;
};
