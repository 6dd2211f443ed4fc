import { en } from './en/en.js';
import { id } from './id/id.js';
import type { TextChanges, Texts } from './texts.js';

const ours: Record<string, Texts> = { en, id };

/** The languages that an application has: ours, changed or added to by the host. */
export class Languages {
  /** BCP 47; the first one is for whoever asks for none of them. */
  readonly tags: readonly string[];
  readonly #texts: ReadonlyMap<string, Texts>;

  constructor(changes: Record<string, TextChanges> = {}) {
    this.tags = [...new Set([...Object.keys(ours), ...Object.keys(changes)])];
    this.#texts = new Map(
      this.tags.map((tag) => [tag, change({ ...(ours[tag] ?? { ...en, locale: tag }) }, changes[tag])]),
    );
  }

  /** English where there is no such language. */
  resolve(tag: string | undefined): string {
    return tag !== undefined && this.#texts.has(tag) ? tag : 'en';
  }

  get(tag: string | undefined): Texts {
    return this.#texts.get(this.resolve(tag)) ?? en;
  }
}

/** A copy with the host's words in place of ours. */
function change<Words extends object>(words: Words, changes: object | undefined): Words {
  if (!changes) return words;
  const changed = Object.entries(changes).map(([name, value]: [string, unknown]) => {
    const old: unknown = Reflect.get(words, name);
    return [name, isGroup(old) && isGroup(value) ? change(old, value) : value];
  });
  return { ...words, ...Object.fromEntries(changed) } as Words;
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
