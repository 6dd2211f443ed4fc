import express, { type Request, type RequestHandler } from 'express';
import { SecondFactorError } from '../errors.js';
import { refuseForgery, TOKEN_FIELD } from './csrf.js';

const MAX_BODY_BYTES = 8_192;
const MAX_FIELD_LENGTH = 2_048;

const parse = express.urlencoded({ extended: false, limit: MAX_BODY_BYTES, parameterLimit: 20 });

/**
 * Reads a form before any handler sees it. Size and type are checked here although a parser of the host may have run
 * before: its limits are not ours.
 */
export function readForm(origin: string): RequestHandler[] {
  return [
    (request, _response, next) => {
      if (Number(request.get('Content-Length') ?? 0) > MAX_BODY_BYTES) {
        throw new SecondFactorError('request-too-large', 'This form is too large.');
      }
      if (request.is('application/x-www-form-urlencoded') === false) {
        throw new SecondFactorError(
          'content-type-unsupported',
          'Send a form (application/x-www-form-urlencoded).',
        );
      }
      next();
    },
    (request, response, next) => {
      parse(request, response, (error: unknown) => {
        next(error === undefined ? undefined : toRequestError(error));
      });
    },
    (request, _response, next) => {
      refuseForgery(request, origin, readField(request, TOKEN_FIELD) ?? '');
      next();
    },
  ];
}

/**
 * One field of a form, as the one text that it must be.
 * @throws SecondFactorError `request-invalid` on a list, an object, a number or an over-long text.
 */
export function readField(request: Request, name: string): string | undefined {
  const body: unknown = request.body;
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return undefined;
  const value: unknown = (body as Record<string, unknown>)[name];
  if (typeof value === 'string' && value.length <= MAX_FIELD_LENGTH) return value;
  throw new SecondFactorError('request-invalid', `The field "${name}" must be one short text.`);
}

/** The parser's own errors (too many fields, bad encoding, cut off) in our words. */
function toRequestError(cause: unknown): unknown {
  const status = cause instanceof Error && 'status' in cause ? cause.status : undefined;
  if (status === 413) return new SecondFactorError('request-too-large', 'This form is too large.', { cause });
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new SecondFactorError('request-invalid', 'This form cannot be read.', { cause });
  }
  return cause;
}
