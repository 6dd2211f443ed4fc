const MAX_LENGTH = 2048;

/**
 * Turns a return target into a path of this origin, or `undefined` where it leads anywhere else. What is returned is
 * what the URL parser made of it, so that tabs, backslashes and dots mean here what they mean to a browser.
 * @param from the URL path that a relative target is relative to.
 */
export function samePathOnly(target: unknown, origin: string, from = '/'): string | undefined {
  if (typeof target !== 'string' || target === '' || target.length > MAX_LENGTH) return undefined;
  const base = URL.canParse(from, origin) ? new URL(from, origin) : new URL(origin);
  if (!URL.canParse(target, base.href)) return undefined;
  const url = new URL(target, base);
  // A "blob:" URL has the origin of the URL inside of it, and no path of its own.
  if (url.origin !== origin || url.protocol !== base.protocol) return undefined;
  // "/.//evil.example" parses to the path "//evil.example", which a browser takes for another host.
  if (url.username !== '' || url.password !== '' || url.pathname.startsWith('//')) return undefined;
  return url.pathname + url.search + url.hash;
}
