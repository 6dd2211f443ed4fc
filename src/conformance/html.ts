export type Fields = Record<string, string>;

const entities: Fields = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Text as a browser reads it out of an attribute or between tags. */
export function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (typeof name === 'string') return entities[name] ?? whole;
    const point = typeof hex === 'string' ? parseInt(hex, 16) : Number(decimal);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

export function omit(fields: Fields, ...names: string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** The hidden inputs of the form that is sent to `path`; of every form of the page where none is. */
export function readHidden(html: string, path: string, pageUrl: string): Fields {
  const forms = [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)].map(
    ([, attributes = '', inside = '']) => ({
      action: new URL(readAttribute(attributes, 'action') ?? '', pageUrl).pathname,
      isPost: /^post$/i.test(readAttribute(attributes, 'method') ?? ''),
      inside,
    }),
  );
  const { pathname } = new URL(path, pageUrl);
  const wanted = forms.filter(({ action, isPost }) => isPost && action === pathname);
  const places = wanted.length > 0 ? wanted.map(({ inside }) => inside) : [html];
  return Object.assign({}, ...places.map(readInputs)) as Fields;
}

function readInputs(html: string): Fields {
  const inputs: Fields = {};
  for (const [, attributes = ''] of html.matchAll(/<input\b([^>]*)>/gi)) {
    const name = readAttribute(attributes, 'name');
    if (name === undefined || !/^hidden$/i.test(readAttribute(attributes, 'type') ?? '')) continue;
    inputs[name] ??= readAttribute(attributes, 'value') ?? '';
  }
  return inputs;
}

function readAttribute(attributes: string, name: string): string | undefined {
  const match = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i').exec(
    attributes,
  );
  const value = match?.[1] ?? match?.[2] ?? match?.[3];
  return value === undefined ? undefined : decode(value);
}

/** The key of an authenticator on its set-up page: out of the `otpauth:` link, else base32 in groups of four. */
export function findSecret(html: string, pattern?: string): string | undefined {
  const text = decode(html);
  if (pattern !== undefined) return clean(new RegExp(pattern).exec(text)?.[1]);
  const link = /otpauth:\/\/totp\/[^\s"'<>]*[?&]secret=([A-Z2-7]{16,})/i.exec(text)?.[1];
  const shown = /(?<![A-Za-z0-9])[A-Z2-7]{4}(?:[ -]?[A-Z2-7]{4}){3,}(?![A-Za-z0-9])/.exec(text)?.[0];
  return clean(link ?? shown);
}

function clean(secret: string | undefined): string | undefined {
  return secret?.replace(/[\s-]/g, '').toUpperCase();
}
