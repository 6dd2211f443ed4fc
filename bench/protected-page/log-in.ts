/** @returns the cookie of a session that is logged in as ada. */
export async function logIn(url: string): Promise<string> {
  const body = new URLSearchParams({ username: 'ada', password: 'any' });
  const response = await fetch(`${url}/login`, { method: 'POST', body, redirect: 'manual' });
  const [cookie = ''] = response.headers.getSetCookie();
  return cookie.split(';', 1)[0] ?? '';
}
