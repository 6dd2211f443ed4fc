/** Numbers, times and plurals as a language writes them, by `Intl`. Made once for each language. */
export interface Format {
  /** A span in whole units, e.g. "5 minutes". */
  seconds: (count: number) => string;
  minutes: (count: number) => string;
  days: (count: number) => string;
  number: (value: number) => string;
  /** Picks a form by the plural rules of the language (CLDR); `other` where there is none. */
  plural: (count: number, forms: { [Rule in Intl.LDMLPluralRule]?: string } & { other: string }) => string;
}

/** @param locale BCP 47, e.g. `en-GB`. */
export function createFormat(locale: string): Format {
  const numbers = new Intl.NumberFormat(locale);
  const rules = new Intl.PluralRules(locale);
  const spans = (unit: 'second' | 'minute' | 'day') => {
    const format = new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' });
    return (count: number): string => format.format(count);
  };
  return {
    seconds: spans('second'),
    minutes: spans('minute'),
    days: spans('day'),
    number: (value) => numbers.format(value),
    plural: (count, forms) => forms[rules.select(count)] ?? forms.other,
  };
}
