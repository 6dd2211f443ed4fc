/** The cookies of one server. */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  /** @param lines the `Set-Cookie` headers of an answer. */
  keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (isPast(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

/** How a server takes a cookie away. */
function isPast(line: string): boolean {
  const expires = /;\s*expires=([^;]+)/i.exec(line)?.[1];
  return (expires !== undefined && Date.parse(expires) <= Date.now()) || /;\s*max-age=(0|-)/i.test(line);
}
