import { MINUTE, SECOND } from '../clock.js';

/** Numbers, times and plurals as a language writes them, by `Intl`. Made once for each language, when it is first needed. */
export interface Format {
  /** A span in whole units, e.g. "5 minutes". */
  seconds: (count: number) => string;
  /** As `seconds`. */
  minutes: (count: number) => string;
  /** As `seconds`. */
  days: (count: number) => string;
  /** How long to wait, in milliseconds: in seconds up to a minute, else in minutes, rounded up. */
  wait: (span: number) => string;
  /** About how far two clocks differ, in seconds of either sign: in seconds below two minutes, else in minutes. */
  difference: (offset: number) => string;
  /** With the separators of the language. */
  number: (value: number) => string;
  /** Picks a form by the plural rules of the language (CLDR); `other` where there is none. */
  plural: (count: number, forms: { [Rule in Intl.LDMLPluralRule]?: string } & { other: string }) => string;
}

/** How a language writes numbers, times and plurals. @param locale BCP 47, e.g. `en-GB`. @throws RangeError where it is none. */
export function createFormat(locale: string): Format {
  Intl.getCanonicalLocales(locale);
  const numbers = once(() => new Intl.NumberFormat(locale));
  const rules = once(() => new Intl.PluralRules(locale));
  const spans = (unit: 'second' | 'minute' | 'day') => {
    const format = once(() => new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }));
    return (count: number): string => format().format(count);
  };
  const [seconds, minutes] = [spans('second'), spans('minute')];
  return {
    seconds,
    minutes,
    days: spans('day'),
    wait: (span) =>
      span <= MINUTE ? seconds(Math.max(1, Math.ceil(span / SECOND))) : minutes(Math.ceil(span / MINUTE)),
    difference: (offset) =>
      Math.abs(offset) < 120 ? seconds(Math.abs(offset)) : minutes(Math.round(Math.abs(offset) / 60)),
    number: (value) => numbers().format(value),
    plural: (count, forms) => forms[rules().select(count)] ?? forms.other,
  };
}

/** What `Intl` makes takes ten milliseconds the first time, which no start needs to wait for. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
