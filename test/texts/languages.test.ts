import { describe, expect, it } from 'vitest';
import { noticeKinds } from '../../src/events.js';
import { Languages } from '../../src/texts/languages.js';
import type { TextChanges, Texts } from '../../src/texts/texts.js';

const languages = new Languages();

/** Every text that is one string, by its path. */
function listTexts(words: object, path: string[] = []): [string, string][] {
  return Object.entries(words).flatMap(([name, value]: [string, unknown]): [string, string][] => {
    const here = [...path, name];
    if (typeof value === 'string') return [[here.join('.'), value]];
    return typeof value === 'object' && value !== null ? listTexts(value, here) : [];
  });
}

describe('the catalogue', () => {
  it('has no Indonesian text that is the English one', () => {
    const english = new Map(listTexts(languages.get('en')));
    const same = listTexts(languages.get('id')).filter(([path, text]) => english.get(path) === text);
    expect(same).toEqual([['direction', 'ltr']]);
  });

  it.each(['en', 'id'] as const)('in %s has no text that is empty or has spaces around it', (tag) => {
    const untidy = listTexts(languages.get(tag)).filter(([, text]) => text === '' || text.trim() !== text);
    expect(untidy).toEqual([]);
  });

  it.each(['en', 'id'] as const)('in %s says something of its own of every notice', (tag) => {
    const { notices } = languages.get(tag).events;
    expect(new Set(noticeKinds.map((kind) => notices[kind].subject)).size).toBe(noticeKinds.length);
    for (const kind of noticeKinds) expect(notices[kind].advice).toMatch(/\.$/);
  });

  it('writes numbers and plurals as each language does', () => {
    const { pages, messages } = languages.get('en');
    expect(pages['challenge/code'].limit(1)).toContain('You have 1 minute.');
    expect(pages['challenge/code'].limit(10)).toContain('You have 10 minutes.');
    expect(pages['management/backup-code-used'].left(1)).toBe('1 backup code is left');
    expect(messages.answers.delayed(30_000)).toContain('in 30 seconds');
    expect(messages.answers.delayed(61_000)).toContain('in 2 minutes');
    expect(messages.enrolment.clock(-300)).toContain('about 5 minutes slow');
    expect(languages.get('id').pages['challenge/code'].limit(10)).toContain('10 menit');
  });
});

describe('words of the host', () => {
  const changes: Record<string, TextChanges> = {
    en: { pages: { 'challenge/code': { totpHint: (issuer) => `Look at your ${issuer} token.` } } },
    de: { pages: { common: { continue: 'Weiter' } }, direction: 'ltr' },
  };

  it('stand in place of ours, and the rest stays', () => {
    const english = new Languages(changes).get('en');
    expect(english.pages['challenge/code'].totpHint('Acme')).toBe('Look at your Acme token.');
    const { useTotp } = languages.get('en').pages['challenge/code'];
    expect(english.pages['challenge/code'].useTotp).toBe(useTotp);
    expect(languages.get('en').pages['challenge/code'].totpHint('Acme')).toContain('6 digits');
  });

  it('add a language, with English where words are missing', () => {
    const all = new Languages(changes);
    expect(all.tags).toEqual(['en', 'id', 'de']);
    const german: Texts = all.get('de');
    expect([german.locale, german.pages.common.continue, german.pages.common.cancel]).toEqual([
      'de',
      'Weiter',
      'Cancel',
    ]);
  });
});

it('is English where a language is not known', () => {
  expect(languages.get('xx').locale).toBe('en-GB');
  expect(languages.get(undefined).locale).toBe('en-GB');
  expect(languages.resolve('constructor')).toBe('en');
});
