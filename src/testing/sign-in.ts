/** What is needed of a supertest agent (`request.agent(app)`). */
export interface TestAgent {
  /** Opens a page with the cookies that the agent has. */
  get(path: string): PromiseLike<{ text: string; status: number }>;
  /** Sends a form with them. */
  post(path: string): {
    type(kind: 'form'): { send(fields: Record<string, string>): PromiseLike<TestResponse> };
  };
}

/** What is needed of a response of supertest. */
export interface TestResponse {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/**
 * The hidden fields of the first form on a page, form tokens among them: send them back with what a person types.
 * @throws Error where the page has none.
 */
export function readHiddenFields(html: string): Record<string, string> {
  const form = /<form[\s>][\s\S]*?<\/form>/.exec(html)?.[0] ?? '';
  const inputs = form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g);
  const fields = Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, unescape(value)]));
  if (Object.keys(fields).length > 0) return fields;
  throw new Error('This page has no form: is the login pending or complete?');
}

/** The characters that EJS escapes. */
function unescape(text: string): string {
  const characters = { '&lt;': '<', '&gt;': '>', '&#34;': '"', '&#39;': "'", '&amp;': '&' };
  return text.replace(/&(?:lt|gt|#34|#39|amp);/g, (entity) => characters[entity as keyof typeof characters]);
}

/**
 * Answers the challenge of an agent whose login is pending: opens the page, sends the code.
 * @param options.path default `/two-factor/challenge`.
 * @returns the response: a redirect to where the login was going when the code was right.
 */
export async function answerChallenge(
  agent: TestAgent,
  code: string,
  options: { path?: string } = {},
): Promise<TestResponse> {
  const path = options.path ?? '/two-factor/challenge';
  const page = await agent.get(path);
  return agent
    .post(path)
    .type('form')
    .send({ ...readHiddenFields(page.text), code });
}
