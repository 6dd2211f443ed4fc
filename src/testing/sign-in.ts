/** What is needed of a supertest agent (`request.agent(app)`). */
export interface TestAgent {
  get(path: string): PromiseLike<{ text: string; status: number }>;
  post(path: string): {
    type(kind: 'form'): { send(fields: Record<string, string>): PromiseLike<TestResponse> };
  };
}

export interface TestResponse {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/** The form token of a page. @throws Error where the page has no form of ours. */
export function readFormToken(html: string): string {
  const token = /name="_csrf" value="([^"]+)"/.exec(html)?.[1];
  if (token === undefined) throw new Error('This page has no form token: is the login pending or complete?');
  return token;
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
    .send({ _csrf: readFormToken(page.text), code });
}
