import type { Request } from 'express';

/** Passport lets a host name the property that holds the user (`userProperty`). */
function userProperty(request: Request): 'user' {
  return ((request as { _userProperty?: string })._userProperty ?? 'user') as 'user';
}

export function getUser(request: Request): Express.User | undefined {
  return request[userProperty(request)] ?? undefined;
}

export function setUser(request: Request, user: Express.User | null): void {
  request[userProperty(request)] = user as Express.User;
}
