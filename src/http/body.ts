import type { Request, RequestHandler, Response } from 'express';
import { SecondFactorError } from '../errors.js';
import { fromCallback } from './from-callback.js';

/** No form and no call of ours is longer. */
export const MAX_BODY_BYTES = 8_192;

/** A kind of body, with the parser that has these limits. */
export interface BodyKind {
  /** For messages, e.g. `form`. */
  name: string;
  type: string;
  parse: RequestHandler;
}

/**
 * Reads a body before any handler sees it. Size and type are checked here although a parser of the host may have run
 * before: its limits are not ours.
 */
export async function receiveBody(
  request: Request,
  response: Response,
  { name, type, parse }: BodyKind,
): Promise<void> {
  if (Number(request.get('Content-Length') ?? 0) > MAX_BODY_BYTES) throw tooLarge(name);
  if (request.is(type) === false) {
    throw new SecondFactorError('content-type-unsupported', `Send a ${name} (${type}).`);
  }
  try {
    await fromCallback((done) => {
      void parse(request, response, done);
    });
  } catch (cause) {
    throw toRequestError(cause, name);
  }
}

function tooLarge(name: string, cause?: unknown): SecondFactorError {
  return new SecondFactorError('request-too-large', `This ${name} is too large.`, { cause });
}

/** The parser's own errors (too many fields, bad encoding, cut off) in our words. */
function toRequestError(cause: unknown, name: string): unknown {
  const status = cause instanceof Error && 'status' in cause ? cause.status : undefined;
  if (status === 413) return tooLarge(name, cause);
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new SecondFactorError('request-invalid', `This ${name} cannot be read.`, { cause });
  }
  return cause;
}
