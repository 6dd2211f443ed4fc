import { en } from './en/en.js';

export interface TextFault {
  path: string[];
  fault: string;
}

/** What a host has written that cannot stand in place of our words. */
export function findTextFaults(changes: object, words: object = en, path: string[] = []): TextFault[] {
  return Object.entries(changes).flatMap(([name, value]: [string, unknown]): TextFault[] => {
    const ours: unknown = Reflect.get(words, name);
    const here = [...path, name];
    if (!Object.hasOwn(words, name)) return [{ path: here, fault: 'is no name of a text' }];
    if (typeof value !== typeof ours || value === null)
      return [
        { path: here, fault: `must be a ${typeof ours === 'object' ? 'group of texts' : typeof ours}` },
      ];
    return typeof value === 'object' ? findTextFaults(value, ours as object, here) : [];
  });
}
